import { CLIENT_KEY, parseClientKey } from './client-key.js';
import type { EnvironmentReader } from './environment-reader.js';
import { SECRET_TEXT, isSecret, secretsIn } from './secrets.js';
import { readTextFile } from './text-file.js';
import type { ClientKey } from './oauth-provider-config.js';
import {
  ENDPOINT_URL,
  SERVICE_URL,
  TIME,
  isScopeToken,
  parseEndpointUrl,
  parseServiceUrl,
  parseTime,
} from './parsers.js';

/** Seconds: ten years. */
const LONGEST_LIFETIME_SECONDS = 315_360_000;
const VISIBLE = /^[\x21-\x7e]{1,4096}$/;
const isText = (value: unknown): value is string =>
  typeof value === 'string' && VISIBLE.test(value);

/** Reads the members of one provider of the file; what is wrong becomes a problem of the start. */
export class MemberReader {
  /** @param label what a problem's name begins with */
  constructor(
    private readonly reader: EnvironmentReader,
    private readonly label: string,
    private readonly members: Readonly<Record<string, unknown>>,
  ) {}

  refuseOthers(known: readonly string[]): void {
    for (const name of Object.keys(this.members)) {
      // A name that is no name of a member may be a value at the wrong place: it is not repeated.
      if (!known.includes(name)) {
        this.refuse(/^[a-z_]{1,40}$/.test(name) ? name : 'a member', 'no such member is known');
      }
    }
  }

  text(name: string): string {
    const value = this.members[name];
    if (isText(value)) return value;
    this.refuse(name, '1 to 4096 visible characters');
    return '';
  }

  /** Compared letter by letter with the metadata's and the id_token's, so it stays as it is. */
  issuer(): string {
    return this.url('issuer', SERVICE_URL, parseServiceUrl, true) ?? '';
  }

  endpoint(name: string): string | undefined {
    return this.url(name, ENDPOINT_URL, parseEndpointUrl, false);
  }

  oneOf<const T extends string>(name: string, fallback: T, values: readonly T[]): T {
    const value = this.members[name];
    if (value === undefined) return fallback;
    const found = values.find((candidate) => candidate === value);
    if (found === undefined) this.refuse(name, `one of ${values.join(', ')}`);
    return found ?? fallback;
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.members[name] ?? fallback;
    if (typeof value === 'boolean') return value;
    this.refuse(name, 'true or false');
    return fallback;
  }

  scopes(): readonly string[] {
    const value = this.members.scopes ?? [];
    const scopes: unknown[] = Array.isArray(value) ? value : [undefined];
    if (
      scopes.every((scope): scope is string => typeof scope === 'string' && isScopeToken(scope))
    ) {
      return [...new Set(scopes)];
    }
    this.refuse('scopes', 'a list of scope tokens (RFC 6749 section 3.3)');
    return [];
  }

  /** @returns milliseconds since the epoch */
  time(name: string): number | undefined {
    const value = this.members[name];
    if (value === undefined) return undefined;
    const time = typeof value === 'string' ? parseTime(value) : undefined;
    if (time === undefined) this.refuse(name, TIME);
    return time;
  }

  lifetime(name: string, fallback: number | null): number | null {
    const value = this.members[name] === undefined ? fallback : this.members[name];
    if (value === null) return null;
    const fits =
      Number.isInteger(value) && Number(value) >= 1 && Number(value) <= LONGEST_LIFETIME_SECONDS;
    if (!fits) this.refuse(name, `seconds from 1 to ${String(LONGEST_LIFETIME_SECONDS)}, or null`);
    return fits ? Number(value) : fallback;
  }

  parameters(name: string, reserved: ReadonlySet<string>): Readonly<Record<string, string>> {
    const value: unknown = this.members[name] ?? {};
    const isObject = isRecord(value);
    const entries = isRecord(value) ? Object.entries(value) : [];
    if (!isObject || !entries.every(([, text]) => typeof text === 'string')) {
      this.refuse(name, 'an object of texts');
      return {};
    }
    for (const [parameter] of entries) {
      if (reserved.has(parameter)) {
        this.refuse(
          `${name}.${parameter}`,
          'no parameter of the protocol itself: the vault sets it',
        );
      }
    }
    return Object.fromEntries(entries) as Record<string, string>;
  }

  /** The client's secrets, newest first, from the member or from the file that it names. */
  secrets(wanted: boolean): readonly string[] {
    const { client_secret: given, client_secret_file: file } = this.members;
    if (!wanted) {
      for (const name of ['client_secret', 'client_secret_file']) {
        if (this.members[name] !== undefined)
          this.refuse(name, 'none, with this client_authentication');
      }
      return [];
    }
    if (given !== undefined && file !== undefined) {
      this.refuse('client_secret', 'either client_secret or client_secret_file, not both');
      return [];
    }
    const name = file === undefined ? 'client_secret' : 'client_secret_file';
    const content = file === undefined ? given : secretsIn(this.file(name) ?? '', true);
    const secrets: unknown[] = Array.isArray(content) ? content : [content];
    if (secrets.length > 0 && secrets.every(isSecret)) return secrets;
    const form = file === undefined ? 'a secret or a list of them' : 'one a line, or a JSON array';
    this.refuse(name, `${form}, newest first: each ${SECRET_TEXT}`);
    return [];
  }

  /** The key that signs client assertions. */
  key(wanted: boolean): ClientKey | undefined {
    const { private_key_file: file, private_key_id: id } = this.members;
    if (!wanted) {
      for (const name of ['private_key_file', 'private_key_id']) {
        if (this.members[name] !== undefined)
          this.refuse(name, 'client_authentication private_key_jwt');
      }
      return undefined;
    }
    if (id !== undefined && !isText(id))
      this.refuse('private_key_id', '1 to 4096 visible characters');
    try {
      if (file === undefined) throw new Error('missing');
      return parseClientKey(this.file('private_key_file') ?? '', isText(id) ? id : undefined);
    } catch {
      this.refuse('private_key_file', `a file with ${CLIENT_KEY}`);
      return undefined;
    }
  }

  private url(
    name: string,
    expected: string,
    parse: (text: string) => string,
    required: boolean,
  ): string | undefined {
    const value = this.members[name];
    if (value === undefined && !required) return undefined;
    try {
      if (typeof value !== 'string') throw new Error('no text');
      parse(value);
      return value;
    } catch {
      this.refuse(name, expected);
      return undefined;
    }
  }

  private file(name: string): string | undefined {
    const path = this.members[name];
    try {
      if (typeof path === 'string') return readTextFile(path);
    } catch {
      // Said by whoever needs the content.
    }
    return undefined;
  }

  private refuse(member: string, expected: string): void {
    this.reader.refuse(`${this.label}.${member}`, expected);
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
