/** Milliseconds for one answer of the issuer. */
const TIMEOUT_MS = 5000;
/** Bytes of an answer at most. */
const LIMIT = 512 * 1024;

/**
 * Asks the issuer for a JSON document. Redirects are not followed: where keys come from is
 * configured, not answered.
 *
 * @throws Error for everything but a document, without the URL in its message
 */
export async function fetchJson(url: string): Promise<Record<string, unknown>> {
  const answer = await fetch(url, {
    redirect: 'error',
    headers: { accept: 'application/json' },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const body = await readWithin(answer, LIMIT);
  if (!answer.ok) throw new Error(`the issuer answered ${answer.status}`);
  const document: unknown = JSON.parse(body);
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new Error('the issuer answered something that is no JSON object');
  }
  return document as Record<string, unknown>;
}

async function readWithin(answer: Response, limit: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > limit) throw new Error('the issuer answered too much');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
