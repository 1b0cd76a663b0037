import type { ShelfFormat } from '../journal/index.js';
import type { NewGrant } from '../grants/index.js';
import type { ConsentedStatus } from './consented-requests.js';

/** What a consent brought, sealed, and what its request is to become. */
export interface SpooledConsent {
  /** Null for tokens that came without a request, as an account's do that a partner has made. */
  readonly requestId: string | null;
  readonly status: ConsentedStatus;
  readonly grant: NewGrant;
}

type Stored = Omit<SpooledConsent, 'grant'> & {
  readonly grant: Omit<NewGrant, 'accessToken' | 'refreshToken'> & {
    readonly accessToken: string;
    readonly refreshToken: string | null;
  };
};

/** How consents are written down. */
export const SPOOLED_CONSENT_FORMAT: ShelfFormat<SpooledConsent> = {
  kind: 'consent',
  purpose: 'link',
  // A consent's grant has the name of its request.
  keyOf: ({ grant }) => grant.grantId,
  versionOf: () => 1,
  askedAt: ({ grant }) => grant.obtainedAt,
  serialise: ({ grant, ...link }) =>
    JSON.stringify({
      ...link,
      grant: {
        ...grant,
        accessToken: grant.accessToken.toString('base64'),
        refreshToken: grant.refreshToken?.toString('base64') ?? null,
      },
    }),
  deserialise: (text) => {
    const { grant, ...link } = JSON.parse(text) as Stored;
    const { accessToken, refreshToken } = grant;
    return {
      ...link,
      grant: {
        ...grant,
        accessToken: Buffer.from(accessToken, 'base64'),
        refreshToken: refreshToken === null ? null : Buffer.from(refreshToken, 'base64'),
      },
    };
  },
};
