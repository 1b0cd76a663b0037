import { Agent, request as send } from 'node:http';
import fc from 'fast-check';
import type { ApiDescription } from '../integration/api-schema.js';

/** A schema as far as requests are made from it. */
interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly oneOf?: readonly Schema[];
}

interface Operation {
  readonly method: string;
  readonly path: string;
  /** Whether it is one of the listener for browsers. */
  readonly public: boolean;
  readonly parameters: readonly { name: string; in: string; schema?: Schema }[];
  readonly body: Schema | undefined;
}

/** One request, as it goes over the wire. */
export interface FuzzRequest {
  readonly method: string;
  readonly path: string;
  readonly public: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

export interface FuzzAnswer {
  readonly status: number;
  readonly body: string;
  readonly contentType: string;
}

/** Every operation of the document, for the listener that serves it. */
function operationsOf(description: ApiDescription): Operation[] {
  return Object.entries(description.paths).flatMap(([path, item]) => {
    const { servers = [], ...operations } = item;
    return Object.entries(operations).map(([method, operation]): Operation => {
      const { requestBody, parameters = [] } = operation as {
        requestBody?: { content?: Record<string, { schema?: Schema }> };
        parameters?: Operation['parameters'];
      };
      return {
        method: method.toUpperCase(),
        path,
        public: servers.length > 0,
        parameters,
        body: requestBody?.content?.['application/json']?.schema,
      };
    });
  });
}

const hostile = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('', '.', '..', '\0', '%', '%00', '../..', '__proto__', 'constructor', "' OR 1=1"),
  fc.constantFrom('a'.repeat(300), '\u202e', '\ud800', '-1', '1e9', 'NaN', '9'.repeat(30)),
);
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  user_id: ['ann', 'ben', 'zoe'],
  provider: ['stitch-money', 'stitch-connect', 'acme'],
  connection: ['default', 'second'],
  min_ttl: ['0', '30', '3600'],
  scope: ['accounts', 'openid accounts'],
  limit: ['1', '50'],
};
const uuid = fc.uuid();

const textFor = (name: string): fc.Arbitrary<string> => {
  const known = KNOWN[name];
  return known
    ? fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...known) }, hostile)
    : fc.oneof(hostile, uuid);
};

const encode = (value: string): string => {
  try {
    return encodeURIComponent(value);
  } catch {
    // A lone surrogate: the bytes that other encoders would make of it.
    return '%ED%A0%80';
  }
};

/** A value that fits, or one that does not. */
function valueFor(
  schema: Schema | undefined,
  name: string,
  all: ApiDescription,
): fc.Arbitrary<unknown> {
  const wrong = fc.oneof(fc.jsonValue({ maxDepth: 2 }), hostile);
  if (!schema) return wrong;
  if (schema.$ref) {
    const referred = all.components.schemas[schema.$ref.split('/').at(-1) ?? ''];
    return valueFor(referred, name, all);
  }
  if (schema.properties) {
    const members = Object.fromEntries(
      Object.entries(schema.properties).map(([member, of]) => [member, valueFor(of, member, all)]),
    );
    const record = fc.record(members, { requiredKeys: [] });
    const more = fc.dictionary(fc.oneof(hostile, fc.constant('__proto__')), wrong, { maxKeys: 2 });
    return fc.oneof(
      { weight: 5, arbitrary: record },
      fc.tuple(record, more).map(([right, extra]) => ({ ...right, ...extra })),
      wrong,
    );
  }
  if (schema.enum) return fc.oneof(fc.constantFrom(...schema.enum), wrong);
  const { type } = schema;
  if (type === 'array') return fc.oneof(fc.array(valueFor(schema.items, name, all)), wrong);
  if (type === 'boolean') return fc.oneof(fc.boolean(), wrong);
  if (type === 'integer' || type === 'number') return fc.oneof(fc.integer(), fc.double(), wrong);
  return fc.oneof({ weight: 3, arbitrary: textFor(name) }, wrong);
}

/** What callers show: keys that are right, wrong, or no keys, and JWTs by what they are made of. */
const authorizations = (credentials: readonly string[]) =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...credentials).map((each) => `Bearer ${each}`) },
    { weight: 1, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: hostile.map((value) => `Bearer ${value}`) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.constantFrom(...credentials), fc.nat(), fc.constantFrom('.', 'A', '_', '-', '='))
        .map(([credential, at, put]) => {
          const place = at % (credential.length + 1);
          return `Bearer ${credential.slice(0, place)}${put}${credential.slice(place + 1)}`;
        }),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.jsonValue({ maxDepth: 1 }), fc.jsonValue({ maxDepth: 2 }), fc.base64String())
        .map((parts) =>
          parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.'),
        )
        .map((token) => `Bearer ${token}`),
    },
  );

/** Only what a header's value may hold: what Node itself refuses to send never reaches a server. */
const sendable = (value: string): string =>
  value.replace(/[^\t\x20-\x7e\x80-\xff]/g, '?').slice(0, 4000);

function requestFor(
  operation: Operation,
  all: ApiDescription,
  credentials: readonly string[],
): fc.Arbitrary<FuzzRequest> {
  const named = (place: string) => operation.parameters.filter((each) => each.in === place);
  const path = fc
    .tuple(...named('path').map(({ name }) => textFor(name)))
    .map((values) =>
      named('path').reduce(
        (whole, { name }, index) => whole.replace(`{${name}}`, encode(values[index] ?? '')),
        operation.path,
      ),
    );
  const query = fc
    .tuple(
      ...named('query').map(({ name }) =>
        fc.option(
          textFor(name).map((value) => `${name}=${encode(value)}`),
          { nil: '' },
        ),
      ),
      fc.oneof(fc.constant(''), fc.constant(''), fc.webQueryParameters(), hostile.map(encode)),
    )
    .map((pairs) => pairs.filter(Boolean).join('&'));
  const body = fc.oneof(
    {
      weight: 5,
      arbitrary: valueFor(operation.body, '', all).map((value) => JSON.stringify(value)),
    },
    { weight: 1, arbitrary: hostile },
    { weight: 1, arbitrary: fc.constant(undefined) },
  );
  const contentType = fc.oneof(
    { weight: 6, arbitrary: fc.constant('application/json') },
    fc.constantFrom(
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/json; charset=x',
    ),
    hostile,
  );
  const cookie = fc.option(hostile.map((value) => `stitch-link-${value}=${value}`));
  return fc
    .tuple(path, query, body, contentType, authorizations(credentials), cookie)
    .map(([target, search, content, type, authorization, cookies]) => ({
      method: operation.method,
      path: `${target}${search ? `?${search}` : ''}`,
      public: operation.public,
      headers: {
        ...(authorization === undefined ? {} : { authorization: sendable(authorization) }),
        ...(operation.method === 'POST' ? { 'content-type': sendable(type) } : {}),
        ...(cookies === null ? {} : { cookie: sendable(cookies) }),
      },
      body: operation.method === 'POST' ? (content ?? '') : undefined,
    }));
}

/** Requests for every operation of the document, each as likely as the others. */
export const requestsFor = (
  description: ApiDescription,
  credentials: readonly string[],
): fc.Arbitrary<FuzzRequest> =>
  fc.oneof(...operationsOf(description).map((each) => requestFor(each, description, credentials)));

/** Sends requests over connections that are kept. */
export class Sender {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 16 });

  constructor(
    private readonly internalUrl: string,
    private readonly publicUrl: string,
  ) {}

  /** Sends one request. On a connection that the server gives up in that moment it is sent once more. */
  send(request: FuzzRequest): Promise<FuzzAnswer> {
    const base = new URL(request.public ? this.publicUrl : this.internalUrl);
    return new Promise((resolve, reject) => {
      const outgoing = send(
        {
          agent: this.agent,
          host: base.hostname,
          port: base.port,
          method: request.method,
          path: request.path,
          headers: request.headers,
        },
        (response) => {
          let body = '';
          response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
          response.on('end', () => {
            const contentType = response.headers['content-type'] ?? '';
            resolve({ status: response.statusCode ?? 0, body, contentType });
          });
          response.on('error', reject);
        },
      );
      outgoing.on('error', (error: NodeJS.ErrnoException) => {
        // An idle connection ends after a time: whoever uses it then can't know (node's http docs, reusedSocket).
        if (outgoing.reusedSocket && error.code === 'ECONNRESET') resolve(this.send(request));
        else reject(error);
      });
      outgoing.end(request.body);
    });
  }

  close(): void {
    this.agent.destroy();
  }
}
