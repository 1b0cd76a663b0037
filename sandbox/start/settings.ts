import type { Sandbox } from '../index.js';
import { Complaint } from './complaint.js';

/** The environment of this start, so far as the launcher has to know it. */
export interface Settings {
  readonly host: string;
  readonly port: number;
  readonly publicHost: string;
  readonly publicPort: number;
  readonly publicUrl: string;
  /** How the launcher itself reaches the internal API. */
  readonly apiUrl: string;
  /** Set when the database is someone else's. */
  readonly databaseGiven: boolean;
  /** Seconds. */
  readonly tokenLifetime: number;
}

/** What the launcher has set up for the vault. */
export interface Surroundings {
  /** Undefined when the database is someone else's. */
  readonly databaseUrl: string | undefined;
  /** The file of providers by configuration; one that the environment names comes first. */
  readonly providers: string;
  readonly sandbox: Sandbox;
}

/** @throws Complaint naming the variable that is wrong */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const host = env.HOST ?? '127.0.0.1';
  const port = whole(env, 'PORT', 3000);
  const publicPort = whole(env, 'PUBLIC_PORT', 3001);
  return {
    host,
    port,
    publicHost: env.PUBLIC_HOST ?? '127.0.0.1',
    publicPort,
    publicUrl: (env.PUBLIC_URL ?? `http://127.0.0.1:${publicPort}`).replace(/\/$/, ''),
    apiUrl: `http://${['0.0.0.0', '::'].includes(host) ? '127.0.0.1' : host}:${port}`,
    databaseGiven: Boolean(env.DATABASE_URL ?? env.DATABASE_URL_FILE),
    tokenLifetime: whole(env, 'SANDBOX_TOKEN_LIFETIME', 900),
  };
}

/**
 * What the vault and its commands are started with: the environment of the launcher, less anything
 * that points at a real provider or at production, plus the sandbox.
 */
export function environmentFor(
  env: NodeJS.ProcessEnv,
  settings: Settings,
  { databaseUrl, providers, sandbox }: Surroundings,
): NodeJS.ProcessEnv {
  const kept = Object.fromEntries(
    Object.entries(env).filter(
      ([name]) => !/^STITCH_(MONEY|CONNECT)_/.test(name) && !name.startsWith('npm_'),
    ),
  );
  const { stitchMoney, stitchConnect } = sandbox;
  return {
    // A consent link made at the start can still be tried at the end of the day.
    AUTHORIZATION_REQUEST_TTL: '86400',
    // The page that stands for an app of one's own is there.
    RETURN_URL_ALLOWLIST: sandbox.stitchMoney.url,
    OAUTH_PROVIDERS_FILE: providers,
    ...kept,
    ...exemption(kept),
    NODE_ENV: 'development',
    PORT: String(settings.port),
    PUBLIC_PORT: String(settings.publicPort),
    ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl }),
    STITCH_MONEY_ISSUER: stitchMoney.url,
    STITCH_MONEY_JWKS_URI: `${stitchMoney.url}/connect/jwks`,
    STITCH_MONEY_CLIENT_ID: stitchMoney.clientId,
    STITCH_MONEY_CLIENT_SECRET: stitchMoney.clientSecret,
    STITCH_CONNECT_API_URL: stitchConnect.url,
    STITCH_CONNECT_APP_URL: stitchConnect.url,
    STITCH_CONNECT_PARTNER_ID: stitchConnect.partnerId,
    STITCH_CONNECT_PARTNER_SECRET: stitchConnect.partnerSecret,
  };
}

/** The sandbox is on this machine: no proxy leads there. Of two spellings the lower-case one wins. */
function exemption(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const name = env.no_proxy ? 'no_proxy' : 'NO_PROXY';
  const given = env[name]?.trim() ?? '';
  return given === '*' ? {} : { [name]: [given, '127.0.0.1'].filter(Boolean).join(',') };
}

function whole(env: NodeJS.ProcessEnv, name: string, fallback: number): number {
  const text = env[name]?.trim() ?? '';
  const value = text === '' ? fallback : Number(text);
  if (Number.isInteger(value) && value > 0 && value < 65_536) return value;
  throw new Complaint(`${name} is a whole number from 1 to 65535.`);
}
