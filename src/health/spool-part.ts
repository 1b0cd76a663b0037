import { randomBytes } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { HealthRegistry } from '../common/index.js';
import type { PartState } from '../common/index.js';
import { journalConfig } from '../config/index.js';
import type { ConfigType } from '../config/index.js';
import { Journal } from '../journal/index.js';

/** A block: an empty file can be made on a full disk, too. */
const BLOCK = Buffer.alloc(4096);

/**
 * Whether an answer could be kept in `SPOOL_DIR` now, and those there could be read. It is tried, as most of the time nothing is
 * written there. Not needed to be ready: reads and rotations are right without a spool, and it tends
 * to fail on all replicas at once, of which none would be left.
 */
@Injectable()
export class SpoolPart implements OnModuleInit {
  constructor(
    @Inject(journalConfig.KEY) private readonly config: ConfigType<typeof journalConfig>,
    private readonly journal: Journal,
    private readonly registry: HealthRegistry,
  ) {}

  onModuleInit(): void {
    this.registry.add({ name: 'spool', needed: false, check: () => this.check() });
  }

  private async check(): Promise<PartState> {
    const path = join(this.config.directory, `.probe-${randomBytes(4).toString('hex')}`);
    try {
      const file = await open(path, 'wx', 0o600);
      try {
        await file.write(BLOCK);
      } finally {
        await file.close();
        await rm(path, { force: true });
      }
      return this.readable();
    } catch (error) {
      const { code = 'unknown' } = error as NodeJS.ErrnoException;
      return { up: false, reason: `SPOOL_DIR cannot be written to (${code})` };
    }
  }

  /** What another process left, and this one can't read, waits for who can. */
  private readable(): PartState {
    const { foreign, closed } = this.journal.status;
    const [count, trouble] =
      foreign > 0
        ? [foreign, 'records in SPOOL_DIR are sealed under a key that this replica lacks']
        : [closed, 'files in SPOOL_DIR belong to another user, and this replica may not read them'];
    if (count === 0) return { up: true };
    return { up: false, reason: `${String(count)} ${trouble}`, trouble };
  }
}
