import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A program of the bench in a process of its own: a line of JSON to it, a line of JSON from it. */
export class Program {
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string, unknown>;

  constructor(file: string) {
    const child = spawn(process.execPath, [file], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.child = child;
    this.lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** @throws Error with what the program says went wrong */
  async run(task: object): Promise<unknown> {
    this.child.stdin?.write(`${JSON.stringify(task)}\n`);
    const { value } = await this.lines.next();
    const result = JSON.parse(String(value)) as { readonly error?: string };
    if (result.error !== undefined) throw new Error(result.error);
    return result;
  }

  close(): void {
    this.child.stdin?.end();
  }
}
