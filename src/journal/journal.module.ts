import { Global, Injectable, Module } from '@nestjs/common';
import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import { Log } from '../common/index.js';
import { journalConfig } from '../config/index.js';
import type { ConfigType } from '../config/index.js';
import { ProcessId } from '../database/index.js';
import { Sealer } from '../encryption/index.js';
import { Metrics } from '../metrics/index.js';
import { Journal } from './journal.js';

/** Shows the state of the journal as metrics, and closes it when all who write to it have ended. */
@Injectable()
class JournalLifecycle implements OnModuleInit, OnApplicationShutdown {
  constructor(
    private readonly journal: Journal,
    private readonly metrics: Metrics,
  ) {}

  onModuleInit(): void {
    const { journal, metrics } = this;
    metrics.value('stitch_vault_journal_writable', 'Whether the spool takes records: 1 or 0.', () =>
      Number(journal.status.writable),
    );
    metrics.value(
      'stitch_vault_journal_failures',
      'Records that could not be written to the spool.',
      () => journal.status.failures,
    );
    metrics.value(
      'stitch_vault_journal_records',
      'Records kept in the spool.',
      () => journal.status.remembered,
    );
  }

  onApplicationShutdown(): void {
    this.journal.close();
  }
}

/** The journal of this process, in `SPOOL_DIR`. Global, because there is one, and consents, grants and rotations write to it. */
@Global()
@Module({
  providers: [
    {
      provide: Journal,
      inject: [journalConfig.KEY, ProcessId, Sealer, Log],
      useFactory: (
        { directory, commitRetentionMs }: ConfigType<typeof journalConfig>,
        process: ProcessId,
        sealer: Sealer,
        log: Log,
      ) =>
        new Journal(
          {
            directory,
            writer: process.value,
            retention: commitRetentionMs,
          },
          sealer,
          log,
        ),
    },
    JournalLifecycle,
  ],
  exports: [Journal],
})
export class JournalModule {}
