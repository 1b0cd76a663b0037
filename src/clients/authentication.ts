import { Injectable } from '@nestjs/common';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { unauthorized } from '../common/index.js';
import type { Caller } from '../common/index.js';
import { isApiKey } from './api-key.js';
import { ClientCertificates } from './client-certificate.js';
import { ClientDirectory } from './client-directory.js';
import type { Credential } from './client-index.js';
import { CallerJwts } from './jwt/caller-jwts.js';
import { isJwt } from './jwt/jwt-verifier.js';
import { RefusalLog } from './refusal-log.js';
import { ShownBefore } from './shown-before.js';

/** What a request shows: something that names a client, or a JWT that is still to be verified. */
type Shown = Credential | { readonly kind: 'jwt'; readonly token: string };

/**
 * Asks who calls before anything else of a request is looked at. A guard would be too late: Fastify
 * parses the body first, and would tell a stranger what is wrong with it.
 */
@Injectable()
export class Authentication {
  private readonly certificates = new ClientCertificates();
  private readonly shown = new ShownBefore();

  constructor(
    private readonly clients: ClientDirectory,
    private readonly jwts: CallerJwts,
    private readonly refusals: RefusalLog,
  ) {}

  /**
   * Puts the question before every route, still to be added, that declares a scope.
   *
   * @param ceiling how much a caller may ask, where there is a limit
   */
  attach(instance: FastifyInstance, ceiling?: (request: FastifyRequest) => Promise<void>): void {
    instance.decorateRequest('caller', null);
    this.refusals.attach(instance);
    instance.addHook('onRoute', (route) => {
      const scope = route.config?.scope;
      if (scope === undefined || scope === 'open') return;
      route.onRequest = (request, _reply, done) => {
        this.authenticate(request, (error) => {
          if (error || !ceiling) done(error);
          else
            ceiling(request).then(() => {
              done();
            }, done);
        });
      };
    });
  }

  /** Without waiting for anything where what is in memory is enough: in every warm read. */
  private authenticate(request: FastifyRequest, done: (error?: Error) => void): void {
    const shown = this.shownBy(request);
    if (!shown) {
      done(unauthorized());
      return;
    }
    const caller = shown.kind === 'jwt' ? undefined : this.clients.known(shown);
    if (caller) {
      request.caller = caller;
      done();
      return;
    }
    this.ask(shown).then((found) => {
      request.caller = found;
      done();
    }, done);
  }

  /** The header decides where there is one, also a wrong one beside a good certificate. */
  private shownBy({ headers, raw }: FastifyRequest): Shown | undefined {
    if (headers.authorization === undefined) {
      const names = this.certificates.namesOf(raw.socket);
      return names.length > 0 ? { kind: 'certificate', names } : undefined;
    }
    const { bearer, hash } = this.shown.on(raw.socket, headers.authorization);
    if (bearer === undefined) return undefined;
    if (isApiKey(bearer)) return { kind: 'key', hash };
    if (!isJwt(bearer)) return undefined;
    const subject = this.jwts.known(hash);
    return subject === undefined ? { kind: 'jwt', token: bearer } : { kind: 'subject', subject };
  }

  /** @throws VaultError 401 for everybody who is no client, 503 */
  private async ask(shown: Shown): Promise<Caller> {
    const caller = await (shown.kind === 'jwt'
      ? this.askByJwt(shown.token)
      : this.clients.find(shown));
    if (!caller) throw unauthorized();
    return caller;
  }

  private async askByJwt(token: string): Promise<Caller | undefined> {
    const verified = await this.jwts.verify(token);
    const credential = { kind: 'subject', subject: verified.subject } as const;
    const caller = this.clients.known(credential) ?? (await this.clients.find(credential));
    if (caller) this.jwts.remember(token, verified);
    return caller;
  }
}
