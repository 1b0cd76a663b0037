export type { MetricName } from './metric-names.js';
export { Metrics } from './metrics.js';
export type { Sample } from './metrics.js';
export { MetricsModule } from './metrics.module.js';
