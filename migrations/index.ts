import { InitialSchema1763700000000 } from './1763700000000-initial-schema.js';
import { Revocations1763760000000 } from './1763760000000-revocations.js';
import { BrowserBinding1763763600000 } from './1763763600000-browser-binding.js';
import { BrowserIndex1763767200000 } from './1763767200000-browser-index.js';
import { Events1763770800000 } from './1763770800000-events.js';
import { UnconfirmedGrants1763774400000 } from './1763774400000-unconfirmed-grants.js';
import { ClaimedRequestsIndex1763778000000 } from './1763778000000-claimed-requests-index.js';
import { Callers1764154800000 } from './1764154800000-callers.js';
import { NotificationChannel1764158400000 } from './1764158400000-notification-channel.js';
import { Audit1764162000000 } from './1764162000000-audit.js';
import { History1764172800000 } from './1764172800000-history.js';
import { TroubleOfGrants1764176400000 } from './1764176400000-trouble-of-grants.js';
import { Visits1764180000000 } from './1764180000000-visits.js';
import { ClientTokens1764183600000 } from './1764183600000-client-tokens.js';
import { TokenType1764185000000 } from './1764185000000-token-type.js';
import { ForgottenClients1764190000000 } from './1764190000000-forgotten-clients.js';
import { RevokedConsents1764192000000 } from './1764192000000-revoked-consents.js';
import { AuthenticClients1764193000000 } from './1764193000000-authentic-clients.js';
import { ConsoleSamples1764194000000 } from './1764194000000-console-samples.js';
import { ClockSteps1764195000000 } from './1764195000000-clock-steps.js';
import { Ends1764197000000 } from './1764197000000-ends.js';
import { WebhookReceivers1764198000000 } from './1764198000000-webhook-receivers.js';
import { Caution1764199000000 } from './1764199000000-caution.js';
import { EndedConsents1764201000000 } from './1764201000000-ended-consents.js';
import { AuthenticEvents1764202000000 } from './1764202000000-authentic-events.js';
import { SequencesForward1764203000000 } from './1764203000000-sequences-forward.js';
import { DropTokenType1764204000000 } from './1764204000000-drop-token-type.js';
import { PossibleEvents1764205000000 } from './1764205000000-possible-events.js';

/** Every migration in the order it is applied. Never edit one that has landed: add another. */
export const migrations = [
  InitialSchema1763700000000,
  Revocations1763760000000,
  BrowserBinding1763763600000,
  BrowserIndex1763767200000,
  Events1763770800000,
  UnconfirmedGrants1763774400000,
  ClaimedRequestsIndex1763778000000,
  Callers1764154800000,
  NotificationChannel1764158400000,
  Audit1764162000000,
  History1764172800000,
  TroubleOfGrants1764176400000,
  Visits1764180000000,
  ClientTokens1764183600000,
  TokenType1764185000000,
  ForgottenClients1764190000000,
  RevokedConsents1764192000000,
  AuthenticClients1764193000000,
  ConsoleSamples1764194000000,
  ClockSteps1764195000000,
  Ends1764197000000,
  WebhookReceivers1764198000000,
  Caution1764199000000,
  EndedConsents1764201000000,
  AuthenticEvents1764202000000,
  SequencesForward1764203000000,
  DropTokenType1764204000000,
  PossibleEvents1764205000000,
];

export { vaultRoleSql } from './vault-role.js';
