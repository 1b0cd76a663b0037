import type { RowOf } from '../database/index.js';
import { EVENT_ROWS } from './event.entity.js';

/** How long an event is worth sending. */
export const WORTH_SENDING = `interval '3 days'`;

/**
 * What is told of something that happened to a grant. Its `eventId` is unique and stable: a receiver
 * that has seen it needs no second look.
 */
export const TOLD = EVENT_ROWS.only('eventId', 'type', 'data', 'createdAt');
export type GrantEvent = RowOf<typeof TOLD>;

/** An event with its place in the log. */
export interface PlacedEvent extends GrantEvent {
  readonly position: string;
}

/** An event that this process is to send. */
export interface ClaimedEvent extends GrantEvent {
  readonly id: string;
  /** How often it has been claimed, this time included. */
  readonly attempts: number;
}
