export { assembleRefresher } from './assemble-refresher.js';
export type { AssembledRefresher, RefresherSurroundings } from './assemble-refresher.js';
export { RefresherModule } from './refresher.module.js';
export { reread } from './reread.js';
export { REVOCATION_TABLE, RevocationStore } from './revocation.store.js';
