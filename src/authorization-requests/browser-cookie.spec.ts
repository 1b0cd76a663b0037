import fc from 'fast-check';
import { loadConfig } from '../config/index.js';
import { BrowserCookie, hashOf } from './browser-cookie.js';

const ID = '6f9619ff-8b86-4011-b42d-00c04fc964ff';
const SECRET = 's'.repeat(43);

const cookieAt = (url: string, more: Record<string, string> = {}) => {
  const { listeners, links } = loadConfig({
    NODE_ENV: 'test',
    DATABASE_URL: 'postgres://127.0.0.1/x',
    VAULT_KEYRING: `k:${Buffer.alloc(32).toString('base64')}`,
    PUBLIC_URL: url,
    ...more,
  });
  return new BrowserCookie(listeners, links);
};
const secure = cookieAt('https://link.example.com');
const plain = cookieAt('http://127.0.0.1:3001');
const set = (cookie: BrowserCookie, secret: string) => cookie.set('link', ID, secret);
const hashes = (cookie: BrowserCookie, header: string | undefined) =>
  cookie.brought('link', header).map(({ hash }) => hash);
const sent = (setCookie: string) => setCookie.split(';')[0] ?? '';

describe('the cookie that ties a request to its browser', () => {
  it('is for our host alone, unreadable for scripts, short-lived, and not sent across sites', () => {
    expect(set(secure, SECRET)).toBe(
      `__Host-stitch-link-${ID}=${SECRET}; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure`,
    );
    expect(set(plain, SECRET)).toBe(
      `stitch-link-${ID}=${SECRET}; Path=/; Max-Age=600; HttpOnly; SameSite=Lax`,
    );
    expect(secure.clear('link', ID)).toMatch(/=; .*Max-Age=0/);
  });

  it('lives as long as the request does', () => {
    const patient = cookieAt('https://link.example.com', { AUTHORIZATION_REQUEST_TTL: '86400' });
    expect(patient.set('link', ID, SECRET)).toContain('; Max-Age=86400;');
  });

  it('is of one kind: that of an end begins nothing', () => {
    const end = sent(plain.set('end', ID, SECRET));
    expect(end).toBe(`stitch-end-${ID}=${SECRET}`);
    expect(plain.brought('link', end)).toEqual([]);
    expect(plain.brought('end', end)).toEqual([
      { requestId: ID, secret: SECRET, hash: hashOf(SECRET) },
    ]);
  });

  it('comes back as the hash that was kept', () => {
    for (const cookie of [secure, plain]) {
      expect(hashes(cookie, sent(set(cookie, SECRET)))).toEqual([hashOf(SECRET)]);
    }
  });

  it('is found among others, one for each tab', () => {
    const second = 't'.repeat(43);
    const header = `a=b; ${sent(set(secure, SECRET))};c="d";__Host-stitch-link-2${ID.slice(1)}=${second}; =; ;x`;
    expect(hashes(secure, header)).toEqual([hashOf(SECRET), hashOf(second)]);
  });

  it.each([
    [undefined],
    [''],
    [`stitch-link-${ID}`],
    [`stitch-link-${ID}=`],
    [`stitch-link-${ID}=short`],
    [`stitch-link-${ID}=${SECRET}x`],
    [`stitch-link-${ID}="${SECRET}"`],
    [`other-${ID}=${SECRET}`],
    [`stitch-link-1=${SECRET}`],
  ])('is not seen in %j', (header) => {
    expect(hashes(plain, header)).toEqual([]);
  });

  it('is not believed over https without the prefix that keeps sibling domains from setting it', () => {
    expect(hashes(secure, `stitch-link-${ID}=${SECRET}`)).toEqual([]);
    expect(hashes(plain, `stitch-link-${ID}=${SECRET}`)).toEqual([hashOf(SECRET)]);
  });

  it('is read from any header at all without an error, and never more than twenty times', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (header) => {
        expect(hashes(plain, header)).toEqual([]);
      }),
    );
    const flood = Array(5000).fill(`stitch-link-${ID}=${SECRET}`).join(';');
    expect(hashes(plain, flood)).toHaveLength(20);
  });
});
