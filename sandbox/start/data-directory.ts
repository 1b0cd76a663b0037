import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Complaint, codeOf } from './complaint.js';

/** Whether this process may become another user, as PostgreSQL then must. */
export const runsAsRoot = process.getuid?.() === 0;

/** `.data/`: everything `npm start` keeps. Every file in it is for its owner alone. */
export class DataDirectory {
  readonly path = resolve('.data');

  /** @throws Complaint when it can't be made or is not a directory */
  constructor() {
    try {
      mkdirSync(this.path, { recursive: true, mode: 0o700 });
      // As root, PostgreSQL runs as the user `postgres`, who has to pass through to its own files.
      chmodSync(this.path, runsAsRoot ? 0o711 : 0o700);
    } catch (error) {
      throw new Complaint(`.data can’t be used as a directory (${codeOf(error)}).`);
    }
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /** The text of a file; undefined when there is none. @throws Complaint when it can't be read */
  read(name: string): string | undefined {
    try {
      return readFileSync(this.file(name), 'utf8').trim();
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw new Complaint(`.data/${name} can’t be read (${codeOf(error)}).`);
    }
  }

  /** Replaces a file as a whole: a crash leaves the old one or the new one. Mode 0600. */
  write(name: string, text: string): void {
    const draft = this.file(`${name}.new`);
    try {
      writeFileSync(draft, `${text}\n`, { mode: 0o600 });
      renameSync(draft, this.file(name));
    } catch (error) {
      throw new Complaint(`.data/${name} can’t be written (${codeOf(error)}).`);
    }
  }

  /** The JSON of a file; undefined when there is none. @throws Complaint when it is damaged */
  readJson(name: string): unknown {
    const text = this.read(name);
    if (text === undefined) return undefined;
    try {
      return JSON.parse(text);
    } catch {
      throw new Complaint(`.data/${name} is damaged: delete it, or all of .data to begin afresh.`);
    }
  }

  /** A port kept from an earlier run, or the one to begin with. */
  rememberedPort(name: string, fallback: number): number {
    const ports = this.ports();
    const port = ports[name];
    return typeof port === 'number' && port > 0 && port < 65_536 ? port : fallback;
  }

  rememberPort(name: string, port: number): void {
    if (this.ports()[name] !== port) {
      this.write('ports.json', JSON.stringify({ ...this.ports(), [name]: port }));
    }
  }

  private ports(): Record<string, unknown> {
    const ports = this.readJson('ports.json') ?? {};
    if (typeof ports === 'object') return { ...ports };
    throw new Complaint('.data/ports.json is damaged: delete it.');
  }
}
