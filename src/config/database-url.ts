import { acceptIf } from './environment-reader.js';

/** Where a server listens: a name, an address, or the directory of a socket. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** What a PostgreSQL connection URL says. */
export interface DatabaseUrl {
  /** Those of them that are named; none: the defaults. */
  readonly servers: readonly { readonly host: string; readonly port: number | undefined }[];
  readonly database: string;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly parameters: ReadonlyMap<string, string>;
}

/** What {@link parseDatabaseUrl} expects. */
export const DATABASE_URL = 'a PostgreSQL URL, postgres://user:password@host:port/database';

/** User and password, hosts with ports, database, parameters. */
const SHAPE = /^postgres(?:ql)?:\/\/(?:([^/?#]*)@)?([^/?#@]*)\/([^/?#]+)(?:\?([^#]*))?$/;
const HOST_AND_PORT = /^(\[[0-9A-Fa-f:.]+\]|[^:[\]]*)(?::(\d*))?$/;

/** Parameters that change how the vault connects. */
const OBEYED = [
  'host',
  'port',
  'user',
  'password',
  'options',
  'ssl',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'target_session_attrs',
];
/** Parameters that change nothing: the vault has its own name and deadlines, or does so anyway. */
const WITHOUT_EFFECT = [
  'application_name',
  'fallback_application_name',
  'connect_timeout',
  'keepalives',
  'keepalives_idle',
  'keepalives_interval',
  'keepalives_count',
  'tcp_user_timeout',
  'uselibpqcompat',
];
/** Parameters that may stand there with a value that is no demand on the driver. */
const HARMLESS: ReadonlyMap<string, readonly string[]> = new Map([
  ['client_encoding', ['utf8', 'UTF8', 'auto']],
  ['channel_binding', ['disable', 'prefer']],
  ['gssencmode', ['disable', 'prefer']],
  ['sslnegotiation', ['postgres']],
  ['load_balance_hosts', ['disable']],
]);

/**
 * Reads a connection URL in the form of libpq ("Connection URIs"), several hosts included.
 *
 * @throws when it is none, saying which part is wrong and never what it holds
 */
export function parseDatabaseUrl(text: string): DatabaseUrl {
  const [match, userInfo, authority = '', database = '', query = ''] = SHAPE.exec(text) ?? [];
  acceptIf(match, match !== undefined);
  const parameters = parseParameters(query);
  const [, user, password] = /^([^:]*)(?::(.*))?$/s.exec(userInfo ?? '') ?? [];
  const named = parameters.get('host');
  return {
    servers:
      named === undefined
        ? parseAuthority(authority, parameters.get('port'))
        : parseHosts(named, parameters.get('port')),
    database: decode(database, 'the database'),
    user: parameters.get('user') ?? (user ? decode(user, 'the user') : undefined),
    password:
      parameters.get('password') ?? (password ? decode(password, 'the password') : undefined),
    parameters,
  };
}

function parseParameters(query: string): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const pair of query.split('&').filter(Boolean)) {
    const [, name = '', value = ''] = /^([^=]*)=?(.*)$/s.exec(pair) ?? [];
    const decoded = decode(value, 'a parameter');
    const known = [...OBEYED, ...WITHOUT_EFFECT, ...HARMLESS.keys()];
    // The name stays unsaid: it may be what follows an "&" in a password.
    acceptIf(name, known.includes(name), `a URL with these parameters alone: ${known.join(', ')}`);
    const harmless = HARMLESS.get(name) ?? [decoded];
    acceptIf(name, harmless.includes(decoded), `a URL whose ${name} is ${harmless.join(' or ')}`);
    if (decoded !== '') parameters.set(name, decoded);
  }
  return parameters;
}

function parseAuthority(authority: string, port: string | undefined): DatabaseUrl['servers'] {
  if (authority === '') return port === undefined ? [] : [{ host: '', port: parsePort(port) }];
  return authority.split(',').map((item) => {
    const [match, host = '', own] = HOST_AND_PORT.exec(item) ?? [];
    acceptIf(match, match !== undefined);
    return { host: decode(host, 'the host').replace(/^\[|\]$/g, ''), port: parsePort(own ?? port) };
  });
}

/** One port for all hosts, or one for each. */
function parseHosts(hosts: string, port: string | undefined): DatabaseUrl['servers'] {
  const all = hosts.split(',');
  const ports = port?.split(',') ?? [];
  acceptIf(ports, [0, 1, all.length].includes(ports.length), 'a URL with as many ports as hosts');
  return all.map((host, index) => ({ host, port: parsePort(ports[index] ?? ports[0]) }));
}

function parsePort(text: string | undefined): number | undefined {
  if (!text) return undefined;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return acceptIf(port, port >= 1 && port <= 65_535, 'a URL whose ports are numbers up to 65535');
}

/** A raw `%` that begins no escape is refused rather than guessed at. */
function decode(text: string, part: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return acceptIf('', false, `a URL in ${part} of which "%" is written as %25`);
  }
}
