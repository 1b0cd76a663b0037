import {
  StorageUnavailableError,
  accountExists,
  confirmationConflict,
  errorOfStatus,
  forbidden,
  insufficientScope,
  invalidRequest,
  issuerUnavailable,
  keyUnavailable,
  notFound,
  outcomeUnknown,
  partnerCredentialsRefused,
  providerMisconfigured,
  providerRefused,
  providerUnavailable,
  rateLimited,
  reauthorizationRequired,
  tokenNotFound,
  unauthorized,
  unsupported,
} from '../common/index.js';
import type { VaultError } from '../common/index.js';
import { problemDocument } from './problem.js';

/** One of each error that a caller of the internal listener may meet, as it is answered. */
const EXAMPLES: readonly VaultError[] = [
  invalidRequest({ user_id: ['must be 1 to 255 visible characters'] }),
  unauthorized(),
  forbidden('tokens:read'),
  insufficientScope(['transactions']),
  notFound(),
  tokenNotFound(),
  unsupported('This provider has no tokens for the client itself.'),
  accountExists(),
  confirmationConflict('user_mismatch', 'The request was made for another user.'),
  confirmationConflict('not_awaiting_confirmation', 'There is nothing to confirm.'),
  reauthorizationRequired('grant_revoked'),
  errorOfStatus(415),
  rateLimited(1),
  outcomeUnknown(new Error()),
  partnerCredentialsRefused(),
  providerMisconfigured('The metadata is that of another issuer.', 'metadata_issuer_mismatch'),
  providerRefused(new Error()),
  issuerUnavailable(),
  keyUnavailable(undefined),
  providerUnavailable(5),
  new StorageUnavailableError(),
];

/**
 * The examples of an answer's description, which names codes in backquotes.
 *
 * @returns by code, in the order in which they are named
 */
export function problemExamples(status: number, description: string): Record<string, object> {
  const named = [...description.matchAll(/`([a-z_]+)`/g)].map(([, code]) => code);
  const of = (code: string | undefined) =>
    EXAMPLES.find((error) => error.status === status && error.code === code);
  return Object.fromEntries(
    named.flatMap((code) => {
      const error = of(code);
      return error ? [[error.code, { value: problemDocument(error) }]] : [];
    }),
  );
}
