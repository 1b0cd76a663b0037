import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { callerOf } from '../common/index.js';
import type { Log } from '../common/index.js';
import type { CallersConfig, PublicListenerConfig } from '../config/index.js';
import { requestCeiling, senderOf } from '../http/index.js';
import type { RequestCeiling } from '../http/index.js';

/** Clients and addresses counted at most: some megabytes. */
const CLIENTS = 10_000;
const ADDRESSES = 20_000;

/** What each client may ask of the internal listener; undefined: as much as it likes. */
export async function clientCeiling(
  app: NestFastifyApplication,
  { requestsPerSecond: perSecond }: CallersConfig,
): Promise<RequestCeiling | undefined> {
  if (perSecond === 0) return undefined;
  const keyOf: Parameters<typeof requestCeiling>[1]['keyOf'] = (request) => callerOf(request).id;
  return requestCeiling(app, { perSecond, capacity: CLIENTS, keyOf });
}

/**
 * What each address may ask of the listener for browsers, before anything of a request is looked
 * at. Behind a proxy that `TRUSTED_PROXIES` does not name all browsers are one address: that is said.
 */
export async function limitSenders(
  publicApp: NestFastifyApplication,
  { requestsPerSecond: perSecond, trustedProxies }: PublicListenerConfig,
  log: Log,
): Promise<void> {
  if (perSecond === 0) return;
  const ceiling = await requestCeiling(publicApp, {
    perSecond,
    capacity: ADDRESSES,
    keyOf: senderOf,
  });
  let said = trustedProxies.length > 0;
  publicApp
    .getHttpAdapter()
    .getInstance()
    .addHook('onRequest', async (request) => {
      if (!said && request.headers['x-forwarded-for'] !== undefined) {
        said = true;
        log.event('warn', 'public.proxy_not_trusted', { variable: 'TRUSTED_PROXIES' });
      }
      await ceiling(request);
    });
}
