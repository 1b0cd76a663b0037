import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.js';
import {
  Pages,
  PublicModule,
  errorPage,
  refuseLookAheads,
  stripPublicPath,
} from '../authorization-requests/index.js';
import type { Log } from '../common/index.js';
import type { VaultConfig } from '../config/index.js';
import {
  ErrorFilter,
  RequestLog,
  acceptJsonBodies,
  fastifyAdapter,
  problemAnswer,
  validationPipe,
} from '../http/index.js';
import { clientCeiling, limitSenders } from './limits.js';
import type { Listeners } from './listeners.js';
import type { Opened } from './opened.js';
import type { ProviderFactory } from '../providers/index.js';
import { VaultParts } from './vault-parts.js';

const OPTIONS = { bodyParser: false, abortOnError: false } as const;

/** What both applications are made with. */
export interface Making {
  readonly config: VaultConfig;
  readonly log: Log;
  readonly servers: Listeners;
  /** Closes what was made, also when the rest of the start fails. */
  readonly opened: Opened;
}

/** The application for internal services, its routes guarded; it does not listen yet. */
export async function createInternalApp(
  { config, log, servers, opened }: Making,
  providers: readonly ProviderFactory[],
): Promise<{ app: NestFastifyApplication; parts: VaultParts }> {
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.forRoot(config, log, providers),
    fastifyAdapter(problemAnswer, servers.internal),
    { ...OPTIONS, logger: log },
  );
  opened.add(() => app.close());
  const parts = app.get(VaultParts);
  opened.add(() => parts.tracing.close());
  const instance = app.getHttpAdapter().getInstance();
  servers.count(parts.metrics);
  app.useGlobalPipes(validationPipe());
  app.useGlobalFilters(new ErrorFilter(log, problemAnswer));
  // First, so that no other hook answers a request before it has a span.
  parts.tracing.attach(instance, true);
  parts.authentication.attach(instance, await clientCeiling(app, config.callers));
  parts.warmReads.attach(instance);
  parts.auditTrail.attach(instance);
  acceptJsonBodies(instance);
  new RequestLog(log, parts.metrics).attach(instance);
  return { app, parts };
}

/** The application for browsers: it borrows what it needs of the internal one. */
export async function createPublicApp(
  { config, log, servers, opened }: Making,
  { callbacks, starts, metrics, tracing }: VaultParts,
): Promise<NestFastifyApplication> {
  const pages = new Pages(config.links.displayName);
  const { url } = config.listeners.public;
  const app = await NestFactory.create<NestFastifyApplication>(
    PublicModule.forRoot(callbacks, starts, pages),
    fastifyAdapter(errorPage(pages), servers.public, stripPublicPath(url)),
    { ...OPTIONS, logger: log },
  );
  opened.add(() => app.close());
  const instance = app.getHttpAdapter().getInstance();
  app.useGlobalFilters(new ErrorFilter(log, errorPage(pages)));
  tracing.attach(instance, false);
  refuseLookAheads(instance);
  await limitSenders(app, config.listeners.public, log);
  acceptJsonBodies(instance);
  new RequestLog(log, metrics).attach(instance);
  return app;
}
