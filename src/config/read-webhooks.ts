import { EVENT_TYPES } from '../common/index.js';
import type { EventType } from '../common/index.js';
import type { EnvironmentReader } from './environment-reader.js';
import { isObject, readNamedEntries } from './named-entries.js';
import { ENDPOINT_URL, parseEndpointUrl } from './parsers.js';
import { readTextFile } from './text-file.js';
import { WEBHOOK_SECRET_TEXT, parseWebhookSecrets } from './webhook-secret.js';

/** A further receiver of events. */
export interface WebhookReceiverConfig {
  /** Its place in the log is kept under this name. */
  readonly name: string;
  readonly url: string;
  /** `whsec_<base64>`, newest first; every one of them signs. */
  readonly secrets: readonly string[];
  /** Undefined: every type. */
  readonly types: readonly EventType[] | undefined;
}

const FILE = 'WEBHOOKS_FILE';
const MEMBERS = new Set(['url', 'secret', 'secret_file', 'types']);

/** The receivers of the file, if there is one; every problem is noted, by receiver and member. */
export function readWebhooks(reader: EnvironmentReader): readonly WebhookReceiverConfig[] {
  return readNamedEntries(reader, FILE, 'webhooks', 'receivers').flatMap(([name, entry]) => {
    if (isObject(entry)) return readReceiver(reader, name, entry);
    reader.refuse(`${FILE} ${name}`, 'an object');
    return [];
  });
}

function readReceiver(
  reader: EnvironmentReader,
  name: string,
  entry: Readonly<Record<string, unknown>>,
): WebhookReceiverConfig {
  const refuse = (member: string, expected: string) => {
    reader.refuse(`${FILE} ${name}.${member}`, expected);
  };
  for (const member of Object.keys(entry)) {
    // A name that is no name of a member may be a value at the wrong place: it is not repeated.
    if (!MEMBERS.has(member)) {
      refuse(/^[a-z_]{1,40}$/.test(member) ? member : 'a member', 'no such member is known');
    }
  }
  const attempt = <T>(member: string, expected: string, fallback: T, read: () => T): T => {
    try {
      return read();
    } catch {
      refuse(member, expected);
      return fallback;
    }
  };
  const { secret, secret_file: file, types } = entry;
  if (secret !== undefined && file !== undefined) {
    refuse('secret', 'either secret or secret_file, not both');
  }
  const url = attempt('url', ENDPOINT_URL, '', () => parseEndpointUrl(text(entry.url)));
  const member = file === undefined ? 'secret' : 'secret_file';
  const secrets = attempt(member, WEBHOOK_SECRET_TEXT, [], () =>
    parseWebhookSecrets(file === undefined ? text(secret) : readTextFile(text(file)).trim()),
  );
  const wanted = attempt('types', `a list of ${EVENT_TYPES.join(', ')}`, undefined, () =>
    types === undefined ? undefined : typesOf(types),
  );
  return { name, url, secrets, types: wanted };
}

function typesOf(value: unknown): readonly EventType[] {
  const types: unknown[] = Array.isArray(value) ? value : [];
  const isType = (type: unknown): type is EventType => EVENT_TYPES.some((each) => each === type);
  if (types.length > 0 && types.every(isType)) return types;
  throw new Error('no types');
}

function text(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new Error('no text');
}
