import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Arena } from '../test/faults/arena.js';
import type { Site } from '../test/faults/site.js';
import type { Figure } from './figures.js';

/** Milliseconds between two questions whether it is ready. */
const ASK_EVERY_MS = 5;
const LONGEST_MS = 60_000;

async function untilAnswered(url: string): Promise<void> {
  const deadline = performance.now() + LONGEST_MS;
  for (;;) {
    const ok = await fetch(url).then(
      (answer) => answer.ok,
      () => false,
    );
    if (ok) return;
    if (performance.now() > deadline) throw new Error('it was not ready in time');
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
  }
}

async function startVault(arena: Arena): Promise<number> {
  const [replica] = arena.replicas;
  if (!replica) throw new Error('no replica');
  const begun = performance.now();
  await replica.start();
  await untilAnswered(`${replica.url}/health/ready`);
  const took = performance.now() - begun;
  await replica.end('SIGTERM');
  return took;
}

async function startBareServer(): Promise<number> {
  const begun = performance.now();
  const child = spawn(process.execPath, ['bench/bare-server.mjs']);
  const [port] = (await once(child.stdout, 'data')) as [Buffer];
  await untilAnswered(`http://127.0.0.1:${String(port).trim()}`);
  const took = performance.now() - begun;
  child.kill();
  return took;
}

/** From the start of the process to `/health/ready`, beside a bare HTTP server's first answer. */
export async function measureStart(site: Site, rounds: number): Promise<Figure> {
  const arena = await Arena.open(site, { name: 'bench-start', replicas: 1 });
  const vault: number[] = [];
  const limit: number[] = [];
  try {
    for (let round = 0; round < rounds; round += 1) {
      vault.push(await startVault(arena));
      limit.push(await startBareServer());
    }
  } finally {
    await arena.close();
  }
  const against = 'bare node:http, first answer';
  return { name: 'start to ready', unit: 'ms', vault, limit, against };
}
