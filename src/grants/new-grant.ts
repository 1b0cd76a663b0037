import { EntityRows } from '../database/index.js';
import type { GrantStatus } from './grant.js';
import { ConsentedGrant } from './unconfirmed.entity.js';

/** What a consent brings, sealed; as it is stored in whichever table. */
export type Consented = Readonly<ConsentedGrant>;

/** A grant as a consent brings it. */
export interface NewGrant extends Consented {
  readonly status: Extract<GrantStatus, 'active' | 'awaiting_confirmation'>;
}

/** Reads and writes the columns that a consent brings. */
export const CONSENTED_ROWS = new EntityRows<Consented>(ConsentedGrant);
