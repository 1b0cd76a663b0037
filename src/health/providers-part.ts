import { performance } from 'node:perf_hooks';
import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { HealthRegistry } from '../common/index.js';
import type { PartState } from '../common/index.js';
import { UserGrantsStore } from '../grants/index.js';
import { ProviderRegistry } from '../providers/index.js';

/** Milliseconds between two looks at the table. */
const LOOK_EVERY_MS = 30_000;

/**
 * Whether every provider that there are grants of is configured. Where a variable or the file got lost in
 * a deployment, nothing fails at first: the tokens of that provider run out one after the other, and
 * nobody rotates them. Not needed to be ready: the other providers are served as ever.
 */
@Injectable()
export class ProvidersPart implements OnModuleInit {
  private lookedAt = -Infinity;
  private state: PartState = { up: true };

  constructor(
    private readonly configured: ProviderRegistry,
    private readonly grants: UserGrantsStore,
    private readonly registry: HealthRegistry,
  ) {}

  onModuleInit(): void {
    this.registry.add({ name: 'providers', needed: false, check: () => this.check() });
  }

  private async check(): Promise<PartState> {
    if (performance.now() - this.lookedAt < LOOK_EVERY_MS) return this.state;
    const missing = (await this.grants.providers()).filter((name) => !this.configured.find(name));
    this.lookedAt = performance.now();
    this.state =
      missing.length === 0
        ? { up: true }
        : { up: false, reason: `there are grants of ${missing.join(', ')}, not configured here` };
    return this.state;
  }
}
