import type { ShelfFormat } from '../journal/index.js';
import { grantKeyText } from '../grants/index.js';
import type { RotationResult } from '../grants/index.js';

type Stored = Omit<RotationResult, 'accessToken' | 'refreshToken' | 'kept'> & {
  readonly accessToken: string;
  readonly refreshToken: string | null;
  readonly kept?: { readonly refreshToken: string | null; readonly scopes: readonly string[] };
};

/** How answers to refresh requests are written down. */
export const ROTATION_FORMAT: ShelfFormat<RotationResult> = {
  kind: 'rotation',
  purpose: 'spool',
  // Of the rotations of one consent the last one counts.
  keyOf: ({ grantId, ...key }) => `${grantKeyText(key)}\0${grantId}`,
  versionOf: ({ version }) => version + 1,
  askedAt: ({ obtainedAt }) => obtainedAt,
  serialise: ({ kept, ...result }) =>
    JSON.stringify({
      ...result,
      ...(kept && {
        kept: { ...kept, refreshToken: kept.refreshToken?.toString('base64') ?? null },
      }),
      accessToken: result.accessToken.toString('base64'),
      refreshToken: result.refreshToken?.toString('base64') ?? null,
    }),
  deserialise: (text) => {
    const { kept, ...stored } = JSON.parse(text) as Stored;
    const { accessToken, refreshToken } = stored;
    return {
      ...stored,
      accessToken: Buffer.from(accessToken, 'base64'),
      refreshToken: fromText(refreshToken),
      ...(kept && { kept: { ...kept, refreshToken: fromText(kept.refreshToken) } }),
    };
  },
};

const fromText = (text: string | null) => (text === null ? null : Buffer.from(text, 'base64'));
