import { Readable } from 'node:stream';
import fc from 'fast-check';
import { LONGEST_LINE, readLines } from './lines.js';
import type { Line } from './lines.js';

async function lines(chunks: Buffer[], from = { offset: 0, line: 0 }): Promise<Line[]> {
  const all: Line[] = [];
  for await (const line of readLines(Readable.from(chunks), from)) all.push(line);
  return all;
}

const texts = (read: Line[]) => read.map(({ bytes }) => bytes?.toString());

describe('the lines of a stream', () => {
  it('are the same wherever the stream is cut, and from wherever it is resumed', async () => {
    const content = fc.array(
      fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\n', ' ')),
      {
        minLength: 1,
        maxLength: 20,
      },
    );
    await fc.assert(
      fc.asyncProperty(
        content,
        fc.integer({ min: 1, max: 7 }),
        fc.nat(),
        async (given, size, at) => {
          const bytes = Buffer.from(`${given.join('\n')}\n`);
          const chunks: Buffer[] = [];
          for (let n = 0; n < bytes.length; n += size) chunks.push(bytes.subarray(n, n + size));
          const read = await lines(chunks);
          expect(texts(read)).toEqual(given);
          expect(read.map(({ number }) => number)).toEqual(given.map((_, index) => index + 1));
          const stop = read[at % read.length]!;
          const rest = await lines([bytes.subarray(stop.end)], {
            offset: stop.end,
            line: stop.number,
          });
          expect(rest).toEqual(read.slice(stop.number));
        },
      ),
    );
  });

  it('end with the stream, with or without a line break', async () => {
    expect(texts(await lines([Buffer.from('a\nb')]))).toEqual(['a', 'b']);
    expect(texts(await lines([Buffer.from('a\n\n')]))).toEqual(['a', '']);
    expect(await lines([])).toEqual([]);
  });

  it('are stepped over when they are too long, without being held', async () => {
    const long = Array.from({ length: 40 }, () => Buffer.alloc(LONGEST_LINE / 8, 'x'));
    const read = await lines([Buffer.from('a\n'), ...long, Buffer.from('\nb\n')]);
    expect(texts(read)).toEqual(['a', undefined, 'b']);
    expect(read.at(-1)).toMatchObject({ number: 3, end: 2 + 5 * LONGEST_LINE + 1 + 2 });
  });
});
