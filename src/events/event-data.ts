/**
 * What an event says of its grant: enough to ask for a new consent with
 * `POST /authorization-requests`. Written by the trigger on `stitch_grants`; never a token.
 */
export interface EventData {
  /** Missing in events about the database. */
  readonly provider?: string;
  /** Missing, as is the connection, in events about a provider as a whole or the database. */
  readonly user_id?: string;
  readonly connection?: string;
  /** Granted scopes; missing where the provider knows none. */
  readonly scopes?: readonly string[];
  /**
   * Why: a `ReauthorizationReason`; `unused` for a refresh token that dies of disuse; `imported`;
   * `replaced` for a grant in whose place one that awaits confirmation was put, which only earlier
   * versions did.
   */
  readonly reason?: string;
  /** The authorization request that a linked grant came from. */
  readonly authorization_request?: string;
  /** By how much the database's clock was set; negative: back. */
  readonly seconds?: number;
  /** False for a linked grant that has no refresh token although its access token expires. */
  readonly refreshable?: false;
  /** When an expiring grant ends, RFC 3339 in UTC. */
  readonly ends_at?: string;
}
