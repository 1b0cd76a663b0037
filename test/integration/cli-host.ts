import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** How a program ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

let host: Promise<ChildProcess> | undefined;
let asked = 0;
const waiting = new Map<
  number,
  { resolve: (ended: Ended) => void; reject: (error: Error) => void }
>();

afterAll(async () => {
  const child = await host;
  host = undefined;
  if (!child) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
});

/**
 * An operator command with exactly the given environment, in a process that runs all commands of a
 * test file, one after another. Its exit code is what `dist/cli.js` would end with.
 */
export async function runCli(
  args: readonly string[],
  environment: Record<string, string> = {},
): Promise<Ended> {
  host ??= startHost();
  const child = await host;
  asked += 1;
  const id = asked;
  const ended = new Promise<Ended>((resolve, reject) => waiting.set(id, { resolve, reject }));
  child.send({ id, args, environment });
  return ended;
}

async function startHost(): Promise<ChildProcess> {
  const child = fork('test/integration/run-commands.mjs', { execArgv: [], env: {} });
  await once(child, 'message');
  child.on('message', ({ id, ...ended }: Ended & { id: number }) => {
    waiting.get(id)?.resolve(ended);
    waiting.delete(id);
  });
  child.once('exit', () => {
    for (const { reject } of waiting.values())
      reject(new Error('a command ended the whole process'));
    waiting.clear();
  });
  return child;
}
