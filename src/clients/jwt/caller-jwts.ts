import { Inject, Injectable } from '@nestjs/common';
import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import { Log, unauthorized } from '../../common/index.js';
import { callersConfig, isServiceUrl } from '../../config/index.js';
import type { ConfigType } from '../../config/index.js';
import { DatabaseClock } from '../../database/index.js';
import { IssuerKeys } from './issuer-keys.js';
import { JwtVerifier } from './jwt-verifier.js';
import type { VerifiedJwt } from './jwt-verifier.js';

/** The JWTs of callers, where `AUTH_JWT_ISSUER` names whose are believed. */
@Injectable()
export class CallerJwts implements OnModuleInit, OnApplicationShutdown {
  private readonly keys: IssuerKeys | undefined;
  private readonly verifier: JwtVerifier | undefined;

  constructor(
    @Inject(callersConfig.KEY) { jwt }: ConfigType<typeof callersConfig>,
    clock: DatabaseClock,
    log: Log,
  ) {
    if (!jwt) return;
    this.keys = new IssuerKeys(jwt, isServiceUrl, clock, log, () => this.verifier?.forget());
    this.verifier = new JwtVerifier(jwt, this.keys, clock);
  }

  onModuleInit(): void {
    void this.keys?.run();
  }

  onApplicationShutdown(): void {
    this.keys?.stop();
  }

  /** The subject of a JWT that was verified before and is still good, without waiting. @param hash see `hashBearer` */
  known(hash: string): string | undefined {
    return this.verifier?.known(hash);
  }

  /** @throws VaultError 401, or 503 `issuer_unavailable` */
  async verify(token: string): Promise<VerifiedJwt> {
    if (!this.verifier) throw unauthorized();
    return this.verifier.verify(token);
  }

  /** To be told of a token that turned out to be a client's. */
  remember(token: string, verified: VerifiedJwt): void {
    this.verifier?.remember(token, verified);
  }
}
