/** What names a grant from outside. */
export interface GrantKey {
  readonly provider: string;
  readonly userId: string;
  readonly connection: string;
}

export const GRANT_STATUSES = [
  'active',
  'awaiting_confirmation',
  'reauthorization_required',
  'suspended',
] as const;
export type GrantStatus = (typeof GRANT_STATUSES)[number];

/** A key for maps. Ids hold no control characters, so NUL separates without ambiguity. */
export const grantKeyText = ({ provider, userId, connection }: GrantKey): string =>
  `${provider}\0${userId}\0${connection}`;
