import { performance } from 'node:perf_hooks';
import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { HealthRegistry } from '../common/index.js';
import type { PartState } from '../common/index.js';
import { Sealer } from '../encryption/index.js';
import { KeyringCheck, KeyringError } from './keyring-check.js';

/** Milliseconds between two comparisons, each of which reads whole tables. */
const COMPARE_EVERY_MS = 30_000;
/** Share of the values of a key that may fail to open: a few that were altered are no wrong key. */
const ALTERED = 0.25;

/**
 * Compares the keyring with the database again as soon as this process meets a value that it can't
 * open: another replica may have been given another keyring since the start. Needed to be ready: a
 * replica with the right keys serves what this one would refuse.
 */
@Injectable()
export class KeysPart implements OnModuleInit {
  private suspected = false;
  private comparedAt = -Infinity;
  private state: PartState = { up: true };

  constructor(
    private readonly sealer: Sealer,
    private readonly comparison: KeyringCheck,
    private readonly registry: HealthRegistry,
  ) {}

  onModuleInit(): void {
    this.sealer.onUnreadable = () => {
      this.suspected = true;
    };
    this.registry.add({ name: 'keys', needed: true, check: () => this.check() });
  }

  private async check(): Promise<PartState> {
    const due = this.suspected || !this.state.up;
    if (!due || performance.now() - this.comparedAt < COMPARE_EVERY_MS) return this.state;
    this.comparedAt = performance.now();
    this.state = await this.compare();
    this.suspected = false;
    return this.state;
  }

  private async compare(): Promise<PartState> {
    try {
      await this.comparison.run(ALTERED);
      return { up: true };
    } catch (error) {
      if (!(error instanceof KeyringError)) throw error;
      return { up: false, reason: error.message, trouble: error.trouble };
    }
  }
}
