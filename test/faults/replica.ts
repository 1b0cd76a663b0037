import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { adopt } from './children.js';

/** A line of a replica's log. */
export interface LogLine {
  readonly level: number;
  readonly event: string;
  readonly [field: string]: unknown;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Milliseconds from the signal to the end. */
  readonly took: number;
}

export interface ReplicaOptions {
  readonly name: string;
  /** Arguments of node. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly internalUrl: string;
  readonly logFile: string;
}

/** One vault as a process, started and ended as operations do it. */
export class Replica {
  /** Everything it logged, over all of its lives. */
  readonly lines: LogLine[] = [];
  private child: ChildProcess | undefined;
  private ready: Promise<void> | undefined;

  constructor(readonly options: ReplicaOptions) {}

  get name(): string {
    return this.options.name;
  }

  get url(): string {
    return this.options.internalUrl;
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Starts it, or another version in its place. @returns once it listens */
  start(command = this.options.command): Promise<void> {
    const { environment, logFile } = this.options;
    const child = adopt(
      spawn(process.execPath, command, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] }),
    );
    this.child = child;
    const log = createWriteStream(logFile, { flags: 'a' });
    child.stderr.pipe(log, { end: false });
    this.ready = new Promise((resolve, reject) => {
      createInterface(child.stdout).on('line', (text) => {
        log.write(`${text}\n`);
        if (!text.startsWith('{')) return;
        const line = JSON.parse(text) as LogLine;
        this.lines.push(line);
        if (line.event === 'vault.started') resolve();
      });
      child.once('exit', () => {
        reject(new Error(`${this.name} ended before it listened, see ${logFile}`));
      });
    });
    // Whoever waits for it hears of the failure; a start that a kill cut short is none.
    this.ready.catch(() => undefined);
    return this.ready;
  }

  /** Ends it by a signal. @returns when it has ended */
  async end(signal: NodeJS.Signals): Promise<Exit> {
    const { child } = this;
    if (child?.exitCode !== null || child.signalCode !== null) {
      return { code: child?.exitCode ?? null, signal: child?.signalCode ?? null, took: 0 };
    }
    const asked = performance.now();
    const ended = new Promise<Exit>((resolve) => {
      child.once('exit', (code, by) => {
        resolve({ code, signal: by, took: performance.now() - asked });
      });
    });
    child.kill(signal);
    return ended;
  }

  /** Lines of an event. */
  heard(event: string): LogLine[] {
    return this.lines.filter((line) => line.event === event);
  }
}
