import { Injectable } from '@nestjs/common';
import { Database } from '../database/index.js';
import type { PlacedSample } from './overview.js';
import type { Sample } from './sample.js';

/** How far back the console shows, and how long rows are kept at most. */
const SHOWN = `interval '2 hours'`;
const KEPT_TIME = `interval '3 hours'`;

/** The table `console_samples`: a row for each process and minute, of the last hours alone. */
@Injectable()
export class SampleStore {
  constructor(private readonly database: Database) {}

  /**
   * Writes what a process has counted so far in the minute that it is by the database's clock.
   *
   * @param minute milliseconds since the epoch
   * @throws StorageUnavailableError
   */
  async write(minute: number, process: string, sample: Sample): Promise<void> {
    await this.database.query(
      `INSERT INTO console_samples (minute, process, sample)
       VALUES (to_timestamp($1::float8 / 1000), $2, $3)
       ON CONFLICT (minute, process) DO UPDATE SET sample = EXCLUDED.sample`,
      [minute, process, JSON.stringify(sample)],
    );
  }

  /** @throws StorageUnavailableError */
  async purge(): Promise<void> {
    await this.database.query(`DELETE FROM console_samples WHERE minute < now() - ${KEPT_TIME}`);
  }

  /** What all processes wrote, oldest first, and the database's time. @throws StorageUnavailableError */
  async read(): Promise<{ now: number; samples: PlacedSample[] }> {
    const [row] = await this.database.query<{ now: number; samples: PlacedSample[] }>(
      `SELECT (extract(epoch FROM now()) * 1000)::numeric AS now,
         coalesce((SELECT json_agg(json_build_object(
             'minute', (extract(epoch FROM minute) * 1000)::numeric,
             'process', process, 'sample', sample) ORDER BY minute)
           FROM console_samples WHERE minute > now() - ${SHOWN}), '[]') AS samples`,
    );
    return row ?? { now: 0, samples: [] };
  }
}
