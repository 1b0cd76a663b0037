import pg from 'pg';
import { StorageUnavailableError } from '../common/index.js';

/**
 * Classes of SQLSTATE that are about the values of a row: data exceptions, and constraints. Offered
 * again they are refused again (PostgreSQL's manual, appendix A). Not a sequence that is at its end, or behind
 * what it numbers: these are of events and of the audit, which triggers write.
 */
const ABOUT_VALUES = /^(22(?!00H)|23(?!505))/;

/**
 * Whether the database may take later what it refuses now. Whatever is not about the values may pass:
 * a trigger that somebody put there, a damaged page or index, a column that has another type for an
 * hour. An answer of a provider exists once, and is kept until then.
 */
export const mayBeTakenLater = (error: unknown): boolean =>
  error instanceof StorageUnavailableError ||
  (error instanceof pg.DatabaseError && !ABOUT_VALUES.test(error.code ?? ''));
