/** Something secret and what it is. */
export interface Needle {
  readonly kind: string;
  readonly value: string;
}

/** Text in which no secret may be found, and where it comes from. */
export interface Haystack {
  readonly name: string;
  readonly text: string;
}

/** A secret as it may look after somebody encoded it: plain, base64, base64url, hex, in a URL. */
export function disguises(value: string): string[] {
  const bytes = Buffer.from(value);
  return [
    ...new Set([
      value,
      encodeURIComponent(value),
      bytes.toString('base64').replace(/=+$/, ''),
      bytes.toString('base64url'),
      bytes.toString('hex'),
    ]),
  ];
}

/** Bytes as text in every way that a secret in them could be read. */
export const bytesAsText = (bytes: Buffer): string =>
  [bytes.toString('latin1'), bytes.toString('hex'), bytes.toString('base64')].join('\n');

/** Where needles were found: kinds and places, never the secret itself. */
export function findNeedles(needles: readonly Needle[], haystacks: readonly Haystack[]): string[] {
  const found = new Set<string>();
  for (const { kind, value } of needles) {
    const looks = disguises(value);
    for (const { name, text } of haystacks) {
      if (looks.some((look) => text.includes(look))) found.add(`${kind} in ${name}`);
    }
  }
  return [...found];
}
