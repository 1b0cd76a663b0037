import type { Readable } from 'node:stream';

/** Bytes of one line at most; what is longer is stepped over, not held in memory. */
export const LONGEST_LINE = 262_144;

const NEWLINE = 0x0a;

/** One line of a file. */
export interface Line {
  /** Counted from 1. */
  readonly number: number;
  /** Without its line break; undefined for a line that is too long. */
  readonly bytes: Buffer | undefined;
  /** Where the next line begins, in bytes from the start of the file. */
  readonly end: number;
}

/**
 * Splits bytes into lines, in bounded memory.
 *
 * @param from where the stream begins: the offset, and the number of lines before it
 */
export async function* readLines(
  stream: Readable,
  from: { readonly offset: number; readonly line: number },
): AsyncGenerator<Line> {
  let { offset: end, line: number } = from;
  let parts: Buffer[] = [];
  let length = 0;
  const take = (part: Buffer) => {
    length += part.length;
    if (length <= LONGEST_LINE) parts.push(part);
    else parts = [];
  };
  const finish = (): Line => {
    number += 1;
    const bytes = length <= LONGEST_LINE ? Buffer.concat(parts) : undefined;
    parts = [];
    length = 0;
    return { number, bytes, end };
  };
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    let start = 0;
    for (;;) {
      const at = chunk.indexOf(NEWLINE, start);
      if (at < 0) break;
      take(chunk.subarray(start, at));
      end += at + 1 - start;
      start = at + 1;
      yield finish();
    }
    take(chunk.subarray(start));
    end += chunk.length - start;
  }
  if (length > 0) yield finish();
}
