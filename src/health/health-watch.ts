import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { HealthRegistry, Log, StorageUnavailableError } from '../common/index.js';
import type { HealthPart, PartState } from '../common/index.js';
import { Metrics } from '../metrics/index.js';

/** Milliseconds between two looks at all parts. */
const LOOK_MS = 1000;

/** A part and how it was at the last look. */
export interface SeenPart {
  readonly part: HealthPart;
  readonly state: PartState;
}

/**
 * Looks at every registered part, also when nobody asks: a change is one line in the log, and a
 * question about readiness waits for no part.
 */
@Injectable()
export class HealthWatch implements OnApplicationBootstrap {
  private readonly states = new Map<HealthPart, PartState>();
  private looking: Promise<void> | undefined;

  constructor(
    private readonly registry: HealthRegistry,
    private readonly metrics: Metrics,
    private readonly log: Log,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.metrics.gauge(
      'stitch_vault_part_up',
      'Whether a part of the process is as it should be.',
      ['part'],
      () =>
        this.seen().map(({ part, state }) => ({
          labels: { part: part.name },
          value: Number(state.up),
        })),
    );
    await this.look();
  }

  /** Every part as it was at the last look. */
  seen(): SeenPart[] {
    return this.registry.parts.map((part) => ({
      part,
      state: this.states.get(part) ?? { up: true },
    }));
  }

  @Interval('health-watch', LOOK_MS)
  look(): Promise<void> {
    this.looking ??= Promise.all(this.registry.parts.map((part) => this.lookAt(part)))
      .then(() => undefined)
      .finally(() => {
        this.looking = undefined;
      });
    return this.looking;
  }

  private async lookAt(part: HealthPart): Promise<void> {
    try {
      const state = await part.check();
      this.note(part, state);
    } catch (error) {
      // Without the database most parts can't be asked; that it is away is said elsewhere.
      if (!(error instanceof StorageUnavailableError)) {
        this.log.failure('health.check_failed', error, { part: part.name });
      }
    }
  }

  private note(part: HealthPart, state: PartState): void {
    const before = this.states.get(part) ?? { up: true };
    this.states.set(part, state);
    if (state.up && !before.up) this.log.event('info', 'health.part_up', { part: part.name });
    if (!state.up && (before.up || troubleOf(before) !== troubleOf(state))) {
      const fields = { part: part.name, reason: state.reason, needed: part.needed };
      this.log.event('error', 'health.part_down', fields);
    }
  }
}

const troubleOf = ({ reason, trouble = reason }: { reason: string; trouble?: string }): string =>
  trouble;
