export { assembleRefresher } from './assemble-refresher.js';
export type { AssembledRefresher, RefresherSurroundings } from './assemble-refresher.js';
export { decideRefresh } from './decide-refresh.js';
export { RefresherModule } from './refresher.module.js';
export { RevocationEntity } from './revocation.entity.js';
export { REVOCATION_TABLE, RevocationStore } from './revocation.store.js';
