import { LOG_LEVELS } from '../common/index.js';
import type { LogLevel } from '../common/index.js';
import { refuseHazards } from './hazards.js';
import { defineNamespace } from './namespace.js';

/** What concerns the process as a whole. */
export interface ProcessConfig {
  readonly environment: 'development' | 'test' | 'production';
  readonly logLevel: LogLevel;
}

export const processConfig = defineNamespace('process', (reader): ProcessConfig => {
  const environment = reader.oneOf('NODE_ENV', 'development', [
    'development',
    'test',
    'production',
  ]);
  if (environment === 'production') refuseHazards(reader);
  return { environment, logLevel: reader.oneOf('LOG_LEVEL', 'info', LOG_LEVELS) };
});
