import { randomBytes, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describeError, redact } from './redaction.js';

/** Secrets as the two providers, OAuth and the vault write them. */
const SECRET = fc.oneof(
  fc.uint8Array({ minLength: 16, maxLength: 64 }).map((bytes) => {
    return Buffer.from(bytes).toString('base64url');
  }),
  fc.uint8Array({ minLength: 16, maxLength: 64 }).map((bytes) => {
    return Buffer.from(bytes).toString('base64');
  }),
  fc
    .uint8Array({ minLength: 16, maxLength: 64 })
    .map((bytes) => Buffer.from(bytes).toString('hex')),
  fc.stringMatching(/^[A-Za-z0-9._~-]{24,128}$/),
  fc.stringMatching(/^eyJ[A-Za-z0-9_-]{20,60}\.[A-Za-z0-9_-]{20,60}\.[A-Za-z0-9_-]{20,60}$/),
);
const SEPARATOR = fc.constantFrom(' ', '"', "'", '=', '?', '&', ':', ',', '\n', '{', '(', '<', '/');

describe('redact', () => {
  it('lets no secret through, wherever in a text it stands', () => {
    const around = fc.string({ maxLength: 20 });
    fc.assert(
      fc.property(
        around,
        SEPARATOR,
        SECRET,
        SEPARATOR,
        around,
        (head, left, secret, right, tail) => {
          const text = redact(`${head}${left}${secret}${right}${tail}`);
          expect(text).not.toContain(secret);
          // Nor a part of it that would make guessing the rest worth while.
          expect(text).not.toContain(secret.slice(0, 20));
        },
      ),
    );
  });

  it('leaves no run that could be a token in any text at all', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 500 }), (text) => {
        expect(redact(text)).not.toMatch(/[A-Za-z0-9+/_~.=-]{20,}/);
      }),
    );
  });

  it('keeps one event on one line, and a line short', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 1000 }), (text) => {
        const redacted = redact(text);
        expect(redacted).not.toMatch(/\p{Cc}/u);
        expect(redacted.length).toBeLessThanOrEqual(300);
      }),
    );
  });

  it.each([
    ['postgres://vault:hunter2hunter2hunter2@db:5432/vault?sslmode=require'],
    [`GET /callback/stitch-money?code=${randomBytes(32).toString('base64url')}&state=x`],
    [`{"refresh_token":"${randomBytes(32).toString('base64url')}"}`],
    [`Bearer ${randomBytes(24).toString('base64')}`],
  ])('takes the secret out of %s', (text) => {
    expect(redact(text)).toContain('[redacted]');
  });

  it('leaves what a log is read for: words, codes, the ids of the vault itself', () => {
    const id = randomUUID();
    for (const text of [
      'connect ECONNREFUSED 127.0.0.1:5432',
      'duplicate key value violates unique constraint',
      `request ${id} has ended`,
    ]) {
      expect(redact(text)).toBe(text);
    }
  });
});

describe('describeError', () => {
  it('says kind, code and message of an error, and nothing of its cause or its members', () => {
    const token = randomBytes(32).toString('base64url');
    const error = Object.assign(new TypeError(`refused ${token}`, { cause: new Error(token) }), {
      code: 'ERR_X',
      config: { headers: { authorization: token } },
      detail: `Key (state)=(${token}) already exists.`,
    });
    expect(describeError(error)).toEqual({
      name: 'TypeError',
      code: 'ERR_X',
      message: 'refused [redacted]',
    });
  });

  it('says something of anything that can be thrown', () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true }), (thrown) => {
        expect(typeof describeError(thrown).message).toBe('string');
      }),
    );
  });

  it('leaves out a code that is no text', () => {
    expect(describeError(Object.assign(new Error('x'), { code: 7 }))).not.toHaveProperty('code');
  });
});

describe('what is said of an error', () => {
  it('names the file, the host and the database that it is about', () => {
    const socket = '/var/run/postgresql-of-the-vault/.s.PGSQL.5432';
    const noSocket = Object.assign(new Error(`connect ENOENT ${socket}`), {
      code: 'ENOENT',
      syscall: 'connect',
      address: socket,
    });
    expect(describeError(noSocket).message).toBe(`connect ENOENT ${socket}`);
    const host = 'database-of-the-vault.internal.example.com';
    const noHost = Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), {
      code: 'ENOTFOUND',
      syscall: 'getaddrinfo',
      hostname: host,
    });
    expect(describeError(noHost).message).toBe(`getaddrinfo ENOTFOUND ${host}`);
    const refused = Object.assign(new Error('x'), {
      ...{ code: 'ECONNREFUSED', syscall: 'connect', address: '127.0.0.1', port: 5432 },
    });
    const both = new AggregateError([refused, refused]);
    expect(describeError(both).message).toBe('connect ECONNREFUSED 127.0.0.1:5432');
    const missing = 'database "a_database_with_a_long_name" does not exist';
    const noDatabase = Object.assign(new Error(missing), { code: '3D000', severity: 'FATAL' });
    expect(describeError(noDatabase).message).toBe(missing);
  });

  it('holds no secret that some other error repeats', () => {
    const secret = randomBytes(24).toString('base64url');
    for (const members of [
      { code: '22P02', severity: 'ERROR' },
      { code: '3D000' },
      { code: 'ENOENT', syscall: 'open' },
      { code: 'ERR_INVALID_URL', input: secret },
    ]) {
      const error = Object.assign(new Error(`cannot use ${secret}`), members);
      expect(describeError(error).message).toBe('cannot use [redacted]');
    }
  });
});
