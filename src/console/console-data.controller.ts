import { performance } from 'node:perf_hooks';
import { Controller, Get, Header } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { RequireScope } from '../common/index.js';
import { Database } from '../database/index.js';
import { Keyring } from '../encryption/index.js';
import { SEALED_TABLES, keyUsage } from '../keys/index.js';
import { SampleStore } from './sample.store.js';
import { overviewOf } from './overview.js';
import type { Overview } from './overview.js';

/** Milliseconds for which an answer is given again, however many consoles are open. */
const OVERVIEW_REUSED_MS = 5000;
/** The same for keys: counting them reads every sealed table as a whole. */
const KEYS_REUSED_MS = 60_000;

interface KeysStatus {
  readonly primary: string;
  readonly keys: readonly { id: string; in_keyring: boolean; sealed_values: number }[];
}

/** What the console shows beside `/grants` and `/audit`. The page's own, and so not described. */
@ApiExcludeController()
@Controller('console')
export class ConsoleDataController {
  private readonly overviews = new Reused(OVERVIEW_REUSED_MS, async () => {
    const { now, samples } = await this.store.read();
    return overviewOf(samples, now);
  });
  private readonly usage = new Reused(KEYS_REUSED_MS, async () => {
    const keys = await keyUsage(this.database.query, SEALED_TABLES, this.keyring);
    return {
      primary: this.keyring.primaryId,
      keys: keys.map(({ id, inKeyring, sealedValues }) => ({
        ...{ id, in_keyring: inKeyring, sealed_values: sealedValues },
      })),
    };
  });

  constructor(
    private readonly store: SampleStore,
    private readonly database: Database,
    private readonly keyring: Keyring,
  ) {}

  @Get('overview')
  @RequireScope('admin')
  @Header('cache-control', 'no-store')
  overview(): Promise<Overview> {
    return this.overviews.get();
  }

  @Get('keys')
  @RequireScope('admin')
  @Header('cache-control', 'no-store')
  keys(): Promise<KeysStatus> {
    return this.usage.get();
  }
}

/** Something that is costly to get, and got once for all who ask within some time. */
class Reused<T> {
  private kept: { atMs: number; value: Promise<T> } | undefined;

  constructor(
    private readonly forMs: number,
    private readonly load: () => Promise<T>,
  ) {}

  get(): Promise<T> {
    if (this.kept && performance.now() - this.kept.atMs < this.forMs) return this.kept.value;
    const kept = { atMs: performance.now(), value: this.load() };
    this.kept = kept;
    // A failure is not kept.
    kept.value.catch(() => {
      if (this.kept === kept) this.kept = undefined;
    });
    return kept.value;
  }
}
