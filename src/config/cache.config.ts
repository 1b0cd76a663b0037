import { defineNamespace } from './namespace.js';

const MEGABYTE = 1024 * 1024;

/** What is kept in memory of grants. */
export interface CacheConfig {
  /** Bytes that the read cache may take, by an estimate of what an entry takes. */
  readonly bytes: number;
}

export const cacheConfig = defineNamespace('cache', (reader): CacheConfig => ({
  bytes: reader.integer('READ_CACHE_MEGABYTES', 192, 1, 16_384) * MEGABYTE,
}));
