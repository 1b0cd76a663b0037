import { defineNamespace } from './namespace.js';

/** Where answers of providers are kept until they are committed, and for a while after. */
export interface JournalConfig {
  /** `SPOOL_DIR`. */
  readonly directory: string;
  /** For so long an answer is remembered after its commit. */
  readonly commitRetentionMs: number;
}

export const journalConfig = defineNamespace('journal', (reader): JournalConfig => ({
  directory: reader.text('SPOOL_DIR') ?? '.data/spool',
  commitRetentionMs: reader.durationMs('COMMIT_RETENTION', 120, 0, 3600),
}));
