import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError, EnvironmentReader } from './environment-reader.js';
import { eventsConfig } from './events.config.js';

const secret = (fill: number, bytes = 32) =>
  `whsec_${Buffer.alloc(bytes, fill).toString('base64')}`;
const URL = 'https://app.example.com/hooks?tenant=1';

function read(environment: Record<string, string>) {
  const reader = new EnvironmentReader(environment);
  const webhook = eventsConfig(reader).webhook;
  reader.finish();
  return webhook;
}

/** The variables that are complained about. */
function refused(environment: Record<string, string>): string[] {
  try {
    read(environment);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    for (const value of Object.values(environment)) expect(error.message).not.toContain(value);
    return error.problems.map(({ name }) => name);
  }
  return [];
}

describe('WEBHOOK_URL and WEBHOOK_SECRET', () => {
  it('leave webhooks off when neither is set', () => {
    expect(read({})).toBeUndefined();
    expect(read({ WEBHOOK_URL: '', WEBHOOK_SECRET: ' ' })).toBeUndefined();
  });

  it('are a URL and the secrets that sign, newest first', () => {
    expect(
      read({ WEBHOOK_URL: URL, WEBHOOK_SECRET: `${secret(1)}, ${secret(2, 24)},${secret(3, 64)}` }),
    ).toEqual({ url: URL, secrets: [secret(1), secret(2, 24), secret(3, 64)] });
  });

  it('can be read from files', () => {
    const directory = mkdtempSync(join(tmpdir(), 'stitch-vault-webhook-'));
    writeFileSync(join(directory, 'secret'), `${secret(1)}\n`);
    const webhook = read({ WEBHOOK_URL: URL, WEBHOOK_SECRET_FILE: join(directory, 'secret') });
    expect(webhook?.secrets).toEqual([secret(1)]);
    rmSync(directory, { recursive: true });
  });

  it('are set together or not at all', () => {
    expect(refused({ WEBHOOK_URL: URL })).toEqual(['WEBHOOK_SECRET']);
    expect(refused({ WEBHOOK_SECRET: secret(1) })).toEqual(['WEBHOOK_URL']);
    // And what is wrong with the other one is said as well.
    expect(refused({ WEBHOOK_URL: 'nowhere' })).toEqual(['WEBHOOK_SECRET', 'WEBHOOK_URL']);
  });

  it.each([
    'http://127.0.0.1:9/x',
    'http://localhost/x',
    'http://[::1]:1',
    'https://a.b:8443/c?d=e',
  ])('take %s', (url) => {
    expect(read({ WEBHOOK_URL: url, WEBHOOK_SECRET: secret(1) })?.url).toBe(url);
  });

  it.each([
    'http://app.example.com/hooks',
    'ftp://127.0.0.1/x',
    'https://user:word@app.example.com/',
    'https://app.example.com/#part',
    'app.example.com',
  ])('refuse the URL %s', (url) => {
    expect(refused({ WEBHOOK_URL: url, WEBHOOK_SECRET: secret(1) })).toEqual(['WEBHOOK_URL']);
  });

  it.each([
    ['without its prefix', secret(1).slice(6)],
    ['of 23 bytes', secret(1, 23)],
    ['of 65 bytes', secret(1, 65)],
    ['that is not base64', 'whsec_!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!'],
    ['of which one is missing', `${secret(1)},`],
    ['without its padding', secret(1).replace('=', '')],
  ])('refuse secrets %s', (_, value) => {
    expect(refused({ WEBHOOK_URL: URL, WEBHOOK_SECRET: value })).toEqual(['WEBHOOK_SECRET']);
  });
});

describe('WEBHOOKS_FILE', () => {
  const directory = mkdtempSync(join(tmpdir(), 'webhooks-'));
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });
  const file = (content: object) => {
    const path = join(directory, 'webhooks.json');
    writeFileSync(path, JSON.stringify(content));
    return new EnvironmentReader({ WEBHOOKS_FILE: path });
  };
  const problems = (content: object): string[] => {
    const reader = file(content);
    eventsConfig(reader);
    try {
      reader.finish();
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      expect(error.message).not.toMatch(/zQ7/);
      return error.problems.map(({ name }) => name);
    }
    return [];
  };

  it('names receivers, each for some types or for all', () => {
    writeFileSync(join(directory, 'secret'), `${secret(2)}\n${secret(3)}\n`);
    const { receivers } = eventsConfig(
      file({
        webhooks: {
          all: { url: URL, secret: secret(1) },
          some: { url: URL, secret_file: join(directory, 'secret'), types: ['grant.deleted'] },
        },
      }),
    );
    expect(receivers).toEqual([
      { name: 'all', url: URL, secrets: [secret(1)], types: undefined },
      { name: 'some', url: URL, secrets: [secret(2), secret(3)], types: ['grant.deleted'] },
    ]);
  });

  it.each([
    [[], 'WEBHOOKS_FILE'],
    [{ webhooks: {}, more: 1 }, 'WEBHOOKS_FILE'],
    [{ webhooks: { 'zQ7 A': {} } }, 'WEBHOOKS_FILE'],
    [{ webhooks: { a: 'zQ7' } }, 'WEBHOOKS_FILE a'],
    [{ webhooks: { a: { url: 'zQ7', secret: secret(1) } } }, 'WEBHOOKS_FILE a.url'],
    [{ webhooks: { a: { url: URL, secret: 'zQ7' } } }, 'WEBHOOKS_FILE a.secret'],
    [{ webhooks: { a: { url: URL, secret_file: '/zQ7' } } }, 'WEBHOOKS_FILE a.secret_file'],
    [{ webhooks: { a: { url: URL, secret: secret(1), types: ['zQ7'] } } }, 'WEBHOOKS_FILE a.types'],
    [{ webhooks: { a: { url: URL, secret: secret(1), types: [] } } }, 'WEBHOOKS_FILE a.types'],
    [{ webhooks: { a: { url: URL, secret: secret(1), zQ7: 1 } } }, 'WEBHOOKS_FILE a.a member'],
  ])('is refused by name, without a value: %j', (content, name) => {
    expect(problems(content)).toEqual([name]);
  });
});
