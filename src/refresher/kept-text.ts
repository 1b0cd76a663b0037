import type { ProviderAnswer } from '../providers/index.js';

/** A provider's answer, and when it was asked for in milliseconds since the epoch. */
interface Kept {
  readonly answer: ProviderAnswer;
  /** Undefined: an entry of an earlier version does not say. */
  readonly askedAt: number | undefined;
}

/** How an answer that can't be understood is kept; to be sealed. */
export const keptText = ({ body, ...rest }: ProviderAnswer, askedAt: number): string =>
  JSON.stringify({ ...rest, body: body.toString('base64'), askedAt });

/** What {@link keptText} wrote. */
export function readKeptText(text: string): Kept {
  const { askedAt, body, ...rest } = JSON.parse(text) as Omit<ProviderAnswer, 'body'> & {
    readonly body: string;
    readonly askedAt?: number;
  };
  return { answer: { ...rest, body: Buffer.from(body, 'base64') }, askedAt };
}
