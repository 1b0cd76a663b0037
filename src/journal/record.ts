import type { Sealer } from '../encryption/index.js';

/** What is written down: what it is, what it is about, and the content, which is sealed with it. */
export interface NewRecord {
  /** Tells whose business it is. Any text but {@link SETTLED}; kinds nobody asks for are kept. */
  readonly kind: string;
  /** What it is about. Of settled records of one kind and key only the newest version counts. */
  readonly key: string;
  readonly version: number;
  /** Milliseconds since the epoch, database clock: when the thing happened that it tells of. */
  readonly at: number;
  readonly payload: string;
}

/** A record that has been written. */
export interface JournalRecord extends NewRecord {
  /** Names it among all records of all processes: see {@link recordId}. */
  readonly id: string;
}

/**
 * The kind of a line that says that other records need nothing more: its key is their writer, its
 * payload their sequences and versions. One of an earlier release tells of a single record, by its id
 * and version, and has no payload.
 */
export const SETTLED = 'settled';

/** A record that needs nothing more, and as what version. */
export interface Settlement {
  readonly id: string;
  readonly version: number;
}

/** One line for all records of a writer that were settled together. */
export const settledRecord = (writer: string, settled: readonly Settlement[]): NewRecord => ({
  kind: SETTLED,
  key: writer,
  version: 0,
  at: 0,
  payload: settled
    .map(({ id, version }) => `${id.slice(writer.length + 1)}:${String(version)}`)
    .join(' '),
});

/** What such a line says. */
export function settlementsIn({ key, version, payload }: NewRecord): Settlement[] {
  if (payload === '') return [{ id: key, version }];
  return payload.split(' ').map((each) => {
    const [sequence = '', became = ''] = each.split(':');
    return { id: `${key}/${sequence}`, version: Number(became) };
  });
}

/** The process that wrote a record. */
export const writerOfRecord = (id: string): string => id.slice(0, id.lastIndexOf('/'));

/** @param sequence counts the records of one writer */
export const recordId = (writer: string, sequence: number): string =>
  `${writer}/${String(sequence)}`;

type Stored = readonly [kind: string, key: string, version: number, at: number, payload: string];

/** A line: `<sequence> <base64 of the sealed record>`. Damage is confined to the line it is in. */
const LINE = /^(\d+) ([A-Za-z0-9+/=]+)$/;

const context = (writer: string, sequence: number) => ['journal', writer, String(sequence)];

export function encodeLine(
  sealer: Pick<Sealer, 'seal'>,
  writer: string,
  sequence: number,
  record: NewRecord,
): string {
  const { kind, key, version, at, payload } = record;
  const stored: Stored = [kind, key, version, at, payload];
  const sealed = sealer.seal(JSON.stringify(stored), context(writer, sequence));
  return `${String(sequence)} ${sealed.toString('base64')}\n`;
}

/** The sequence a line claims to have, readable without the key. @returns undefined for no line */
export function sequenceOf(line: string): number | undefined {
  const match = LINE.exec(line);
  return match ? Number(match[1]) : undefined;
}

/** @throws EncryptionError or SyntaxError for a line that is damaged, or sealed with a foreign key */
export function decodeLine(
  sealer: Pick<Sealer, 'open'>,
  writer: string,
  line: string,
): JournalRecord {
  const match = LINE.exec(line);
  if (!match) throw new SyntaxError('not a line of a journal');
  const sequence = Number(match[1]);
  const sealed = Buffer.from(match[2] ?? '', 'base64');
  const text = sealer.open(sealed, context(writer, sequence));
  const [kind, key, version, at, payload] = JSON.parse(text) as Stored;
  return { id: recordId(writer, sequence), kind, key, version, at, payload };
}
