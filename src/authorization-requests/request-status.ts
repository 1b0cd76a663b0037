export const REQUEST_STATUSES = [
  'pending',
  'completed',
  'awaiting_confirmation',
  'denied',
  'failed',
  'expired',
] as const;
export type RequestStatus = (typeof REQUEST_STATUSES)[number];
/** As the table has it: that a request has expired follows from its times. */
export type StoredStatus = Exclude<RequestStatus, 'expired'>;
/** How a request can end in the callback. */
export type EndStatus = Exclude<RequestStatus, 'pending' | 'expired'>;
/** How a callback can leave it: `pending` when what it brought is kept and not stored yet. */
export type CallbackStatus = StoredStatus;

/**
 * A claimed request whose callback never came to an end (its process was killed) has failed: its
 * code is spent. Two minutes is longer than any callback takes.
 */
export const STATUS = `CASE WHEN status <> 'pending' THEN status
    WHEN claimed_at < now() - interval '2 minutes' THEN 'failed'
    WHEN claimed_at IS NULL AND expires_at <= now() THEN 'expired'
    ELSE 'pending' END`;
