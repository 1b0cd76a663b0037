/** What can happen to a grant, a provider or the database, as the log of events calls it. */
export const EVENT_TYPES = [
  'grant.linked',
  'grant.reauthorization_required',
  'grant.suspended',
  'grant.reinstated',
  'grant.deleted',
  'grant.held',
  'grant.expiring',
  'provider.suspected',
  'provider.trusted',
  'database.clock_stepped',
  'database.history_lost',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];
