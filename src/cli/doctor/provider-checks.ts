import { request } from 'undici';
import type { InspectedEnvironment } from '../../config/index.js';
import type { UserGrantsStore } from '../../grants/index.js';
import { OutboundDispatcher } from '../../outbound/index.js';
import { PROVIDERS, ProviderError, ProviderHttp } from '../../providers/index.js';
import type { TokenProvider } from '../../providers/index.js';
import { bad, codeOf, good } from './check.js';
import type { Check } from './check.js';

/** Milliseconds for one endpoint to answer. */
const PATIENCE_MS = 3000;
/** Answers of something in front of a provider that can't reach it. */
const UNREACHED = new Set([502, 503, 504]);

/** Lends the providers that the configuration has to a piece of work. */
export async function withProviders<T>(
  { providers: settings, outbound }: InspectedEnvironment['config'],
  work: (providers: readonly TokenProvider[]) => Promise<T>,
): Promise<T> {
  const https: ProviderHttp[] = [];
  const http = () => {
    const made = new ProviderHttp(PATIENCE_MS, 4, outbound);
    https.push(made);
    return made;
  };
  try {
    return await work(PROVIDERS.flatMap((make) => make(settings, http) ?? []));
  } finally {
    await Promise.all(https.map((each) => each.close()));
  }
}

/** Whether each endpoint answers: by a GET without any parameter, which spends nothing. */
export async function checkProviders(
  providers: readonly TokenProvider[],
  { config, problems }: InspectedEnvironment,
): Promise<Check[]> {
  if (providers.length === 0) {
    return [
      problems.length > 0
        ? bad('provider', 'none can be used before the configuration is right: see config')
        : good('provider', 'none is configured: nothing can be linked (docs/providers.md)'),
    ];
  }
  const outbound = new OutboundDispatcher(config.outbound, {
    connections: 4,
    connectTimeout: PATIENCE_MS,
  });
  try {
    return (await Promise.all(providers.map((each) => checkProvider(each, outbound)))).flat();
  } finally {
    await outbound.destroy();
  }
}

/**
 * A line for each provider that there are grants of and that the configuration lacks: nobody would rotate their
 * tokens.
 *
 * @throws StorageUnavailableError
 */
export async function checkGrantsOfAll(
  grants: UserGrantsStore,
  configured: readonly string[],
): Promise<Check[]> {
  const missing = (await grants.providers()).filter((name) => !configured.includes(name));
  return missing.map((name) =>
    bad(
      `provider ${name}`,
      'there are grants of it, and it is not configured: set its variables, or its entry in OAUTH_PROVIDERS_FILE',
    ),
  );
}

async function checkProvider(
  provider: TokenProvider,
  outbound: OutboundDispatcher,
): Promise<Check[]> {
  const label = `provider ${provider.name}`;
  let endpoints: Readonly<Record<string, string>>;
  try {
    endpoints = (await provider.endpoints?.()) ?? {};
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    const why = `its metadata cannot be had (${error.reason})`;
    return [
      bad(`${label} metadata`, `${why}: look at issuer and the way there, or name its endpoints`),
    ];
  }
  return Promise.all(
    Object.entries(endpoints).map(([name, url]) =>
      checkEndpoint(`${label} ${name}`, url, outbound),
    ),
  );
}

async function checkEndpoint(
  name: string,
  url: string,
  outbound: OutboundDispatcher,
): Promise<Check> {
  const { origin, pathname } = new URL(url);
  const shown = `${origin}${pathname}`;
  const proxied = outbound.proxyFor(url) ? ' through the proxy' : '';
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const { statusCode, body } = await request(url, { dispatcher: outbound, signal });
    body.on('error', () => undefined).destroy();
    if (statusCode === 407) {
      return bad(name, `${shown}: the proxy wants to know us: put user and password into its URL`);
    }
    if (UNREACHED.has(statusCode)) {
      return bad(name, `${shown}${proxied} answers ${String(statusCode)}: ask the provider`);
    }
    return good(name, `${shown} answers${proxied} (${String(statusCode)})`);
  } catch (error) {
    return bad(name, `${shown}${proxied} ${adviceFor(codeOf(error))}`);
  }
}

function adviceFor(code: string): string {
  if (/TIMEOUT/i.test(code)) {
    return 'does not answer within 3 s: look at the firewall and HTTPS_PROXY';
  }
  if (/CERT|UNABLE_TO|SIGNATURE/.test(code)) {
    return `shows a certificate that is not believed (${code}): name its CA in NODE_EXTRA_CA_CERTS`;
  }
  if (/^(ENOTFOUND|EAI_AGAIN)$/.test(code)) {
    return `has a host that is not found (${code}): look at the URL and at DNS`;
  }
  if (code.startsWith('proxy_')) return `is not reached (${code}): look at HTTPS_PROXY`;
  return `cannot be reached (${code}): look at the URL, the firewall and HTTPS_PROXY`;
}
