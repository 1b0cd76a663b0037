import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { HealthRegistry } from '../common/index.js';
import type { PartState } from '../common/index.js';
import { DatabaseClock } from './database-clock.js';
import { History } from './history.js';
import type { HistoryPause } from './history.js';

const WHY: Readonly<Record<HistoryPause, string>> = {
  copy: 'copy: not the database that was worked in last; npm run vault -- adopt',
  history_lost: 'history_lost: more is lost than is remembered; npm run vault -- adopt',
};

/**
 * Says on `/health/ready` that the database is a copy or has lost more than is remembered, and that
 * its clock was stepped: while that is so refresh tokens are kept back, or times are in doubt.
 */
@Injectable()
export class HistoryPart implements OnModuleInit {
  constructor(
    private readonly history: History,
    private readonly clock: DatabaseClock,
    private readonly registry: HealthRegistry,
  ) {}

  onModuleInit(): void {
    this.registry.add({ name: 'history', needed: true, check: () => this.historyKnown() });
    this.registry.add({ name: 'clock', needed: true, check: () => this.clockSteady() });
  }

  private historyKnown(): PartState {
    const { paused } = this.history;
    return paused === undefined ? { up: true } : { up: false, reason: WHY[paused] };
  }

  private clockSteady(): PartState {
    const step = this.clock.unsettledStep;
    if (!step) return { up: true };
    const seconds = String(Math.round(step.by / 1000));
    return { up: false, reason: `the database's clock was set by ${seconds} s` };
  }
}
