import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { developmentKeyring } from './development-keyring.js';
import { parseKeyring } from './parsers.js';

const key = (fill: number, length = 32) => Buffer.alloc(length, fill).toString('base64');

describe('VAULT_KEYRING', () => {
  it('is read as ids and keys, in the order in which they stand', () => {
    expect(parseKeyring(`new:${key(1)}, old.2025:${key(2)}`)).toEqual([
      { id: 'new', key: Buffer.alloc(32, 1) },
      { id: 'old.2025', key: Buffer.alloc(32, 2) },
    ]);
  });

  it('may be written in base64 or base64url, padded or not', () => {
    const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(bytes, (array) => {
        const secret = Buffer.from(array);
        const spellings = [secret.toString('base64'), secret.toString('base64url')];
        for (const text of [...spellings, spellings[0]?.replace('=', '') ?? '']) {
          expect(parseKeyring(`k:${text}`)).toEqual([{ id: 'k', key: secret }]);
        }
      }),
    );
  });

  it.each([
    ['no id', key(1)],
    ['an empty id', `:${key(1)}`],
    ['an id with a space', `a b:${key(1)}`],
    ['an id of 65 characters', `${'a'.repeat(65)}:${key(1)}`],
    ['31 bytes', `a:${key(1, 31)}`],
    ['33 bytes', `a:${key(1, 33)}`],
    ['16 bytes', `a:${key(1, 16)}`],
    ['no key', 'a:'],
    ['hexadecimal', `a:${Buffer.alloc(32, 1).toString('hex')}`],
    ['an id given twice', `a:${key(1)},a:${key(2)}`],
    ['an empty item', `a:${key(1)},`],
    ['a semicolon', `a:${key(1)};b:${key(2)}`],
    ['nothing', ''],
  ])('is refused with %s', (_, text) => {
    expect(() => parseKeyring(text)).toThrow();
  });

  it('is a keyring or refused, whatever the text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        let entries: readonly { id: string; key: Buffer }[] = [];
        try {
          entries = parseKeyring(text);
        } catch (error) {
          expect(String(error)).toBe('Error');
        }
        for (const entry of entries) expect(entry.key).toHaveLength(32);
      }),
    );
  });
});

describe('the development keyring', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'stitch-vault-keyring-'));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  it('is made once, is whole, and only its owner may read it', () => {
    const data = join(directory, 'deep', '.data');
    const made = developmentKeyring(data);
    expect(parseKeyring(made)).toMatchObject([{ id: 'development' }]);
    expect(developmentKeyring(data)).toBe(made);
    expect(statSync(join(data, 'keyring')).mode & 0o777).toBe(0o600);
    expect(statSync(data).mode & 0o777).toBe(0o700);
    expect(readdirSync(data)).toEqual(['keyring']);
  });

  it('is the same for all processes that start together', async () => {
    const module = resolve('dist/config/development-keyring.js');
    const script = `import { developmentKeyring } from ${JSON.stringify(module)};
      process.stdout.write(developmentKeyring(${JSON.stringify(directory)}));`;
    const made = await Promise.all(
      Array.from(
        { length: 6 },
        () =>
          new Promise<string>((done) => {
            const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
            let text = '';
            child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
            child.on('close', () => {
              done(text);
            });
          }),
      ),
    );
    expect(new Set(made)).toEqual(
      new Set([readFileSync(join(directory, 'keyring'), 'utf8').trim()]),
    );
    expect(readdirSync(directory)).toEqual(['keyring']);
  });

  it('is not replaced when it cannot be read: that is an error, and no new key', () => {
    mkdirSync(join(directory, 'keyring'));
    expect(() => developmentKeyring(directory)).toThrow(/EISDIR/);
  });
});
