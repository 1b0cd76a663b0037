import type { Arena } from './arena.js';

/** What `/health/ready` of a replica says: its status, and the parts that are down. */
export async function readiness(url: string): Promise<{ status: number; down: string[] }> {
  try {
    const answer = await fetch(`${url}/health/ready`);
    const { details } = (await answer.json()) as { details: Record<string, { status: string }> };
    const down = Object.entries(details).flatMap(([name, { status }]) =>
      status === 'up' ? [] : [name],
    );
    return { status: answer.status, down };
  } catch {
    return { status: 0, down: [] };
  }
}

/** Whether every replica is ready. */
export async function allReady(arena: Arena): Promise<boolean> {
  const states = await Promise.all(arena.replicas.map(({ url }) => readiness(url)));
  return states.every(({ status }) => status === 200);
}
