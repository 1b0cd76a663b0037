export { CommitQueue } from './commit-queue.js';
export type { SpoolPort } from './commit-queue.js';
export { decideRefresh } from './decide-refresh.js';
export { Refresher } from './refresher.service.js';
export { RefresherModule } from './refresher.module.js';
export { RefresherRuntime } from './refresher.runtime.js';
export { Revoker } from './revoker.js';
export { Rotation } from './rotation.js';
