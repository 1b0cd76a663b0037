import { getMetadataArgsStorage } from 'typeorm';
import { GrantColumns } from '../../src/grants/grant.columns.js';
import type { Grant } from '../../src/grants/index.js';

const isOfGrant = (target: unknown): boolean =>
  target === GrantColumns ||
  (typeof target === 'function' && GrantColumns.prototype instanceof target);

/** Null in every column that may be null: a test that does not need a column does not name it. */
const NOTHING = Object.fromEntries(
  getMetadataArgsStorage()
    .columns.filter(({ target, options }) => options.nullable && isOfGrant(target))
    .map(({ propertyName }) => [propertyName, null]),
) as Partial<Grant>;

/** An active grant whose token never expires, but for what a test says of it. */
export const sampleGrant = (change: Partial<Grant> = {}): Grant =>
  ({
    ...NOTHING,
    provider: 'p',
    userId: 'u',
    connection: 'c',
    grantId: 'g',
    status: 'active',
    accessToken: Buffer.of(),
    scopes: [],
    obtainedAt: 0,
    version: 1,
    failureCount: 0,
    ...change,
  }) as Grant;
