export { RefresherModule } from './refresher.module.js';
export { RefresherRuntime } from './refresher.runtime.js';
