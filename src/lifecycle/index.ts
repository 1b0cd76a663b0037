export type { BackgroundWork } from './background-work.js';
export { BackgroundWorks } from './background-works.js';
export { LifecycleModule } from './lifecycle.module.js';
export { Lifecycle } from './lifecycle.js';
