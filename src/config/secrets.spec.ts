import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError, loadConfig } from './index.js';

const SAFE = {
  NODE_ENV: 'test',
  DATABASE_URL: 'postgres://vault:pw@127.0.0.1:5432/vault',
  VAULT_KEYRING: `main:${Buffer.alloc(32, 5).toString('base64')}`,
};
const MONEY = 'STITCH_MONEY_CLIENT_SECRET';
const WEBHOOK = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
const OTHER = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;

describe('secrets of clients', () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'stitch-vault-secrets-'))));
  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  const file = (content: string | Buffer): string => {
    const path = join(directory, 'secret');
    writeFileSync(path, content);
    return path;
  };

  function read(environment: Record<string, string>) {
    try {
      return loadConfig({ ...SAFE, STITCH_MONEY_CLIENT_ID: 'id', ...environment });
    } catch (error) {
      if (error instanceof ConfigurationError) return error.problems.map(({ name }) => name);
      throw error;
    }
  }
  const inFile = (content: string | Buffer) => {
    const config = read({ [`${MONEY}_FILE`]: file(content) });
    return Array.isArray(config) ? config : config.providers.stitchMoney?.clientSecrets;
  };
  const inVariable = (content: string) => {
    const config = read({ [MONEY]: content });
    return Array.isArray(config) ? config : config.providers.stitchMoney?.clientSecrets;
  };

  it('stand in a file one a line or as a JSON array, and hold what they hold', () => {
    expect(inFile('with,comma and space\n')).toEqual(['with,comma and space']);
    expect(inFile('newest\r\nolder\r\n')).toEqual(['newest', 'older']);
    expect(inFile('["a,b", "[c]"]')).toEqual(['a,b', '[c]']);
    expect(inFile('[bracket\n')).toEqual(['[bracket']);
    expect(inFile('\uFEFFwith-a-mark')).toEqual(['with-a-mark']);
  });

  it('stand in a variable separated by commas, or as a JSON array', () => {
    expect(inVariable('newest, older')).toEqual(['newest', 'older']);
    expect(inVariable('["a,b"]')).toEqual(['a,b']);
    expect(inVariable('with-a-line-end\n')).toEqual(['with-a-line-end']);
  });

  it.each<[string, string | Buffer]>([
    ['a space at its end', 'secret \n'],
    ['a space before it', ' secret\n'],
    ['a tab', 'sec\tret\n'],
    ['a letter that is not ASCII', 'sécret'],
    ['UTF-16', Buffer.from('\uFEFFsecret', 'utf16le')],
    ['UTF-16 without a mark', Buffer.from('secret', 'utf16le')],
    ['bytes that are no text', Buffer.from([0xc3, 0x28])],
    ['a JSON array with something else in it', '["a", 1]'],
    ['a JSON array of nothing', '[]'],
    ['a JSON array with a space at an end', '["a "]'],
  ])('are refused by name with %s', (_, content) => {
    expect(inFile(content)).toEqual([`${MONEY}_FILE`]);
    const partner = {
      STITCH_CONNECT_PARTNER_ID: 'p',
      STITCH_CONNECT_PARTNER_SECRET_FILE: file(content),
    };
    const isList = content.toString().startsWith('[');
    // A partner has one secret, which may look like anything.
    if (!isList) {
      expect(read({ [MONEY]: 'x', ...partner })).toEqual(['STITCH_CONNECT_PARTNER_SECRET_FILE']);
    }
    const providers = join(directory, 'providers.json');
    const entry = {
      issuer: 'https://op.example.com',
      client_id: 'c',
      client_secret_file: file(content),
    };
    writeFileSync(providers, JSON.stringify({ providers: { op: entry } }));
    expect(read({ [MONEY]: 'x', OAUTH_PROVIDERS_FILE: providers })).toEqual([
      'OAUTH_PROVIDERS_FILE op.client_secret_file',
    ]);
  });

  it.each([' secret', 'secret ', 'a,,b', 'a,', 'sécret'])(
    'are refused as a variable %j',
    (content) => {
      expect(inVariable(content)).toEqual([MONEY]);
    },
  );

  it('of webhooks stand one a line, too; keyrings in UTF-16 are refused by name', () => {
    const url = { [MONEY]: 'x', WEBHOOK_URL: 'https://hooks.example.com' };
    const config = read({ ...url, WEBHOOK_SECRET_FILE: file(`${WEBHOOK}\n${OTHER}\n`) });
    expect(config).toMatchObject({ events: { webhook: { secrets: [WEBHOOK, OTHER] } } });
    const wide = Buffer.from(`\uFEFF${WEBHOOK}`, 'utf16le');
    expect(read({ ...url, WEBHOOK_SECRET_FILE: file(wide) })).toEqual(['WEBHOOK_SECRET_FILE']);
    const keyring = Buffer.from(SAFE.VAULT_KEYRING, 'utf16le');
    expect(read({ [MONEY]: 'x', VAULT_KEYRING: '', VAULT_KEYRING_FILE: file(keyring) })).toContain(
      'VAULT_KEYRING_FILE',
    );
  });
});
