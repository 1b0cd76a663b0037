import type { ConfigType } from '@nestjs/config';
import { auditConfig } from './audit.config.js';
import { cacheConfig } from './cache.config.js';
import { callersConfig } from './callers.config.js';
import { databaseConfig } from './database.config.js';
import { encryptionConfig } from './encryption.config.js';
import { eventsConfig } from './events.config.js';
import { journalConfig } from './journal.config.js';
import { linksConfig } from './links.config.js';
import { listenersConfig } from './listeners.config.js';
import { outboundConfig } from './outbound.config.js';
import { processConfig } from './process.config.js';
import { providersConfig } from './providers.config.js';
import { refreshConfig } from './refresh.config.js';
import { tracingConfig } from './tracing.config.js';

/** Every part of the configuration, in the order in which it is read. */
export const NAMESPACES = {
  process: processConfig,
  listeners: listenersConfig,
  callers: callersConfig,
  database: databaseConfig,
  providers: providersConfig,
  outbound: outboundConfig,
  links: linksConfig,
  refresh: refreshConfig,
  cache: cacheConfig,
  events: eventsConfig,
  journal: journalConfig,
  audit: auditConfig,
  tracing: tracingConfig,
  // Last, and only for an environment that is right so far: it may create a file or run a command.
  encryption: encryptionConfig,
} as const;

/** The environment, parsed and validated once. Every value is ready to use. */
export type VaultConfig = {
  readonly [N in keyof typeof NAMESPACES]: ConfigType<(typeof NAMESPACES)[N]>;
};
