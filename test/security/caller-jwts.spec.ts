import { createHmac } from 'node:crypto';
import { CompactSign, exportSPKI, importJWK } from 'jose';
import { newIssuerKey, startIssuer } from '../support/issuer.js';
import type { IssuerKey, TestIssuer } from '../support/issuer.js';
import { createClient } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

const SUBJECT = 'system:serviceaccount:shop:payments';
const base64url = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const seconds = (fromNow: number) => Math.floor(Date.now() / 1000) + fromNow;

describe('a JWT of a caller', () => {
  let key: IssuerKey;
  let issuer: TestIssuer;
  let world: World;
  beforeAll(async () => {
    key = await newIssuerKey('one');
    issuer = await startIssuer([key.jwk]);
    world = await createWorld({
      environment: { AUTH_JWT_ISSUER: issuer.url, AUTH_JWT_AUDIENCE: issuer.audience },
    });
    const { url } = world.database;
    const rest = { subject: SUBJECT, withKey: false };
    await createClient(url, ['tokens:read'], { name: 'payments', ...rest });
  });
  afterAll(async () => {
    await world.close();
    await issuer.close();
  });

  /** What a read answers: 404 to a caller who is known, for nobody is linked. */
  const read = async (token: string) => {
    const answer = await world.vault.request('/tokens/nobody', { key: token });
    return { status: answer.status, challenge: answer.headers.get('www-authenticate') };
  };
  const good = { sub: SUBJECT };

  it('is its client by its sub, also when it is shown again', async () => {
    const token = await issuer.token(key, good);
    expect((await read(token)).status).toBe(404);
    expect((await read(token)).status).toBe(404);
    const several = await issuer.token(key, { ...good, aud: ['other', issuer.audience] });
    expect((await read(several)).status).toBe(404);
    const typed = await issuer.token(key, good, { typ: 'at+jwt' });
    expect((await read(typed)).status).toBe(404);
  });

  it('may be off by a minute', async () => {
    const late = await issuer.token(key, { ...good, exp: seconds(-50) });
    expect((await read(late)).status).toBe(404);
    const early = await issuer.token(key, { ...good, nbf: seconds(50) });
    expect((await read(early)).status).toBe(404);
  });

  it.each<[string, Record<string, unknown>]>([
    ['that has ended', { exp: seconds(-70) }],
    ['that never ends', { exp: undefined }],
    ['that has not begun', { nbf: seconds(80) }],
    ['of another issuer', { iss: 'https://issuer.example' }],
    ['of an issuer with a slash more', { iss: 'SLASH' }],
    ['of no issuer', { iss: undefined }],
    ['for another audience', { aud: 'another' }],
    ['for no audience', { aud: undefined }],
    ['for no audience of a list', { aud: [] }],
    ['of nobody', { sub: undefined }],
    ['of somebody else', { sub: 'system:serviceaccount:shop:other' }],
    ['whose subject is no text', { sub: 17 }],
    ['whose subject is a list', { sub: [SUBJECT] }],
    ['whose end is no number', { exp: '9999999999' }],
  ])('%s is 401', async (_, claims) => {
    const own = claims.iss === 'SLASH' ? { iss: `${issuer.url}/` } : claims;
    const token = await issuer.token(key, { ...good, ...own });
    expect(await read(token)).toEqual({ status: 401, challenge: 'Bearer' });
  });

  it.each<[string, { typ?: string; crit?: string[]; b64?: boolean; exp?: number }]>([
    ['for logging out', { typ: 'logout+jwt' }],
    ['with an extension that must be understood', { crit: ['exp'], exp: 1 }],
    ['whose payload is not encoded', { b64: false, crit: ['b64'] }],
  ])('%s is 401', async (_, header) => {
    const payload = { iss: issuer.url, aud: issuer.audience, exp: seconds(600), ...good };
    const signer = new CompactSign(Buffer.from(JSON.stringify(payload)));
    signer.setProtectedHeader({ alg: 'ES256', kid: 'one', ...header });
    const known = header.crit?.includes('exp') ? { crit: { exp: true } } : {};
    const token = await signer.sign(key.privateKey, known).catch(() => undefined);
    const [, body = '', signature = ''] = (await issuer.token(key, good)).split('.');
    // What the library refuses to sign is put together by hand.
    const handmade = [base64url({ alg: 'ES256', kid: 'one', ...header }), body, signature];
    expect(await read(token ?? handmade.join('.'))).toEqual({ status: 401, challenge: 'Bearer' });
  });

  it('without a signature is 401, however it says so', async () => {
    const [, payload = ''] = (await issuer.token(key, good)).split('.');
    for (const alg of ['none', 'None', 'NONE', '', undefined, null, ['ES256'], 'ES256']) {
      const header = base64url({ alg, kid: 'one' });
      for (const signature of ['', 'AAAA', base64url('x'.repeat(64))]) {
        const token = `${header}.${payload}.${signature}`;
        expect({ alg, ...(await read(token)) }).toEqual({ alg, status: 401, challenge: 'Bearer' });
      }
    }
  });

  it('signed with the public key as a secret is 401', async () => {
    const rsa = await newIssuerKey('rsa', 'RS256');
    issuer.keys.push(rsa.jwk);
    const spki = await exportSPKI(
      (await importJWK(rsa.jwk, 'RS256', { extractable: true })) as never,
    );
    const [, payload = ''] = (await issuer.token(key, good)).split('.');
    for (const secret of [spki, spki.trim(), JSON.stringify(rsa.jwk), rsa.jwk.n ?? '']) {
      for (const [alg, digest] of [
        ['HS256', 'sha256'],
        ['HS512', 'sha512'],
      ] as const) {
        const signed = `${base64url({ alg, kid: 'rsa' })}.${payload}`;
        const signature = createHmac(digest, secret).update(signed).digest('base64url');
        expect((await read(`${signed}.${signature}`)).status).toBe(401);
      }
    }
  });

  it('whose key came along in its header is 401', async () => {
    const own = await newIssuerKey('one');
    const { jwk } = own;
    for (const header of [{ jwk }, { jku: `${issuer.url}/keys` }, { x5c: ['AAAA'] }]) {
      expect((await read(await issuer.token(own, good, header as never))).status).toBe(401);
    }
  });

  it('that was changed is 401, also one letter of one that is remembered', async () => {
    const token = await issuer.token(key, good);
    expect((await read(token)).status).toBe(404);
    const [header = '', payload = '', signature = ''] = token.split('.');
    const other = base64url({ ...JSON.parse(atob(payload)), sub: 'admin' });
    for (const changed of [
      `${header}.${other}.${signature}`,
      `${header}.${payload}.${signature.slice(1)}`,
      `${header}.${payload}.${signature}${signature}`,
      `${header}.${payload}`,
      `${token}.`,
      `.${payload}.${signature}`,
    ]) {
      expect(await read(changed)).toEqual({ status: 401, challenge: 'Bearer' });
    }
  });

  it('with an unknown kid has the key set fetched, once in half a minute', async () => {
    const before = issuer.fetches;
    const next = await newIssuerKey('two');
    issuer.keys.push(next.jwk);
    expect((await read(await issuer.token(next, good))).status).toBe(404);
    const strangers = await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        const stranger = await newIssuerKey(`stranger-${String(n)}`);
        return (await read(await issuer.token(stranger, good))).status;
      }),
    );
    expect(new Set(strangers)).toEqual(new Set([401]));
    const late = await newIssuerKey('three');
    issuer.keys.push(late.jwk);
    expect((await read(await issuer.token(late, good))).status).toBe(401);
    expect(issuer.fetches).toBe(before + 1);
  });

  it('goes on working while the issuer is away', async () => {
    issuer.down = true;
    expect((await read(await issuer.token(key, good))).status).toBe(404);
    issuer.down = false;
  });

  it('is worth what its client is: its scopes, its restriction, and nothing once it is revoked', async () => {
    const { url } = world.database;
    const rest = { subject: 'brief', withKey: false };
    await createClient(url, ['tokens:read'], { name: 'brief', userPrefixes: ['n'], ...rest });
    const token = await issuer.token(key, { sub: 'brief', scope: 'admin', scopes: ['admin'] });
    expect((await read(token)).status).toBe(404);
    expect((await world.vault.request('/tokens/ann', { key: token })).status).toBe(403);
    expect((await world.vault.request('/grants', { key: token })).status).toBe(403);
    await expect(
      createClient(url, ['tokens:read'], { name: 'twin', ...rest }),
    ).rejects.toMatchObject({ code: 'identity_taken' });
    await world.database.query(
      `UPDATE service_clients SET revoked_at = now() WHERE name = 'brief'`,
    );
    await eventually('it is refused', async () => (await read(token)).status === 401, 1000);
    expect(JSON.stringify(world.vault.logs)).not.toContain(token.slice(-40));
  });
});

describe('the issuer of callers’ JWTs', () => {
  let key: IssuerKey;
  let issuer: TestIssuer;
  let world: World;
  beforeEach(async () => {
    key = await newIssuerKey('one');
    issuer = await startIssuer([key.jwk]);
    issuer.down = true;
    world = await createWorld({
      environment: { AUTH_JWT_ISSUER: issuer.url, AUTH_JWT_AUDIENCE: issuer.audience },
    });
    const rest = { subject: SUBJECT, withKey: false };
    await createClient(world.database.url, ['tokens:read'], rest);
  });
  afterEach(async () => {
    await world.close();
    await issuer.close();
  });
  const read = async (token: string) => {
    const answer = await world.vault.request('/tokens/nobody', { key: token });
    const { code } = (await answer.json()) as { code: string };
    return { status: answer.status, code, retryAfter: answer.headers.get('retry-after') };
  };

  it('is 503 while it was never reached, for what could be believed alone, and is found later', async () => {
    const token = await issuer.token(key, { sub: SUBJECT });
    expect(await read(token)).toMatchObject({
      status: 503,
      code: 'issuer_unavailable',
      retryAfter: expect.stringMatching(/^\d+$/),
    });
    const foreign = await issuer.token(key, { sub: SUBJECT, aud: 'other' });
    expect(await read(foreign)).toMatchObject({ status: 401 });
    // Keys need no issuer.
    expect((await world.read('nobody')).status).toBe(404);
    issuer.down = false;
    await eventually('it is reached', async () => (await read(token)).status === 404);
  });

  it('is not believed when its metadata is another one’s', async () => {
    issuer.named = 'https://issuer.example';
    issuer.down = false;
    expect(await read(await issuer.token(key, { sub: SUBJECT }))).toMatchObject({
      status: 503,
      code: 'issuer_unavailable',
    });
    expect(issuer.fetches).toBe(0);
  });
});
