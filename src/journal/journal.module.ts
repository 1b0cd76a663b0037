import { Global, Injectable, Module } from '@nestjs/common';
import type { OnApplicationShutdown } from '@nestjs/common';
import { Log } from '../common/index.js';
import { VAULT_CONFIG } from '../config/index.js';
import type { VaultConfig } from '../config/index.js';
import { ProcessId } from '../database/index.js';
import { Sealer } from '../encryption/index.js';
import { Metrics } from '../metrics/index.js';
import { Journal } from './journal.js';

/** Closes the journal when all who write to it have ended. */
@Injectable()
class JournalLifecycle implements OnApplicationShutdown {
  constructor(
    private readonly journal: Journal,
    metrics: Metrics,
  ) {
    const gauge = (name: string, help: string, value: () => number) => {
      metrics.gauge(name, help, [], () => [{ labels: {}, value: value() }]);
    };
    gauge('stitch_vault_journal_writable', 'Whether the spool takes records: 1 or 0.', () =>
      Number(journal.status.writable),
    );
    gauge(
      'stitch_vault_journal_failures',
      'Records that could not be written to the spool.',
      () => journal.status.failures,
    );
    gauge(
      'stitch_vault_journal_records',
      'Records kept in the spool.',
      () => journal.status.remembered,
    );
  }

  onApplicationShutdown(): void {
    this.journal.close();
  }
}

/** The journal of this process, in `SPOOL_DIR`. */
@Global()
@Module({
  providers: [
    {
      provide: Journal,
      inject: [VAULT_CONFIG, ProcessId, Sealer, Log],
      useFactory: (config: VaultConfig, process: ProcessId, sealer: Sealer, log: Log) =>
        new Journal(
          {
            directory: config.spoolDir,
            writer: process.value,
            retention: config.commitRetention * 1000,
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
