/**
 * The limit for rotations, a process of its own: refresh calls by `fetch` in a bare loop, their answers
 * parsed and thrown away. Takes one line of JSON on stdin, answers with one on stdout, and again.
 */
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { URLSearchParams } from 'node:url';

async function refresh({ url, client, tokens, concurrency }) {
  const left = [...tokens];
  const started = performance.now();
  const before = process.cpuUsage();
  const worker = async () => {
    for (let token = left.pop(); token !== undefined; token = left.pop()) {
      const body = new URLSearchParams({
        grant_type: 'refresh_token',
        ...client,
        refresh_token: token,
      });
      const answer = await globalThis.fetch(url, { method: 'POST', body });
      if (answer.status !== 200) throw new Error(`answered ${answer.status}`);
      await answer.json();
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(before);
  return { perSecond: tokens.length / seconds, cpu: (user + system) / tokens.length };
}

for await (const line of createInterface({ input: process.stdin })) {
  const result = await refresh(JSON.parse(line)).catch((error) => ({ error: error.message }));
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
