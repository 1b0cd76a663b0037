/** What the audit tells of, to whoever asks. */
export const AUDIT_TYPES = [
  'token.read',
  'token.rejected',
  'grant.linked',
  'grant.deleted',
  'grant.lost',
  'grant.suspended',
  'client.created',
  'client.rotated',
  'client.revoked',
  'keys.rewrapped',
  'access.denied',
] as const;
export type AuditType = (typeof AUDIT_TYPES)[number];

/**
 * What the audit writes about itself: a process has begun or ended its chain; everything up to a
 * position is there, with so many rows; retention is removing everything up to a position.
 */
export type AuditNoteType = 'audit.opened' | 'audit.closed' | 'audit.mark' | 'audit.pruned';

/** Whether a row is about the audit itself, and no event. */
export const isNote = (type: string): boolean => type.startsWith('audit.');

/** What is written of an event, or of events that are the same but for their time. */
export interface AuditContent {
  readonly type: AuditType | AuditNoteType;
  /** The client's name, `operator` for a command; null where nobody proved who it is. */
  readonly client: string | null;
  readonly provider: string | null;
  readonly userId: string | null;
  readonly connection: string | null;
  readonly version: number | null;
  readonly count: number;
  /** `served`, the code of the problem that was answered, or what became of a grant. */
  readonly outcome: string;
  readonly requestId: string | null;
  /** What a note says, as JSON; null for events. */
  readonly data: string | null;
}

/** Where a row belongs: its position, and its place in the chain of the process that wrote it. */
export interface AuditPlace {
  readonly position: number;
  readonly chain: number;
  readonly sequence: number;
  /** The position of the row before it in the chain; of a chain's first row, that of the chain before. */
  readonly previous: number;
}

/** A row of `audit_events` as it is stored. Those of triggers have neither place nor MAC. */
export interface AuditRow extends Omit<AuditContent, 'type'> {
  readonly type: string;
  readonly position: number;
  /** Microseconds since the epoch, as digits. */
  readonly at: string;
  readonly chain: number | null;
  readonly sequence: number | null;
  readonly previous: number | null;
  readonly key: number | null;
  readonly mac: Buffer | null;
}

const EMPTY = {
  client: null,
  provider: null,
  userId: null,
  connection: null,
  version: null,
  count: 1,
  requestId: null,
} as const;

/** A note of the audit about itself. */
export const note = (type: AuditNoteType, data: object): AuditContent => ({
  ...EMPTY,
  type,
  outcome: 'done',
  data: JSON.stringify(data),
});

/** An event of the operator's. */
export const ofOperator = (type: AuditType, count: number, outcome: string): AuditContent => ({
  ...EMPTY,
  type,
  client: 'operator',
  count,
  outcome,
  data: null,
});
