import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Arena } from '../test/faults/arena.js';
import type { Site } from '../test/faults/site.js';
import type { Figure } from './figures.js';
import { processorTime } from './processor.js';
import { Program } from './program.js';

const REPLICAS = 2;
/** Grants that an import stores in a second, with room: so long the first of them have to live. */
const IMPORTED_PER_SECOND = 3000;
/** Of its lifetime a token has so much left when it is due. */
const LEAD = 0.2;
/** Milliseconds between two looks at who waits for a lock. */
const LOOK_MS = 500;
const REPORT_SECONDS = 60;

export interface HeldPlan {
  readonly grants: number;
  /** For how long they are held fresh. */
  readonly minutes: number;
  /** Seconds that an access token lives. */
  readonly lifetime: number;
}

/** What the provider saw since it was asked before. */
interface Seen {
  readonly refreshes: number;
  /** Refresh calls for an access token that had ended. */
  readonly late: number;
  readonly repeated: number;
  readonly leastLeftMs: number | null;
  /** Grants whose access token has ended by now, and those that were never renewed. */
  readonly expired: number;
  readonly neverRenewed: number;
}

/** A line for each grant, due one after the other while a token lives, the first when the import is over. */
async function writeImport(file: string, { grants, lifetime }: HeldPlan): Promise<void> {
  const out = createWriteStream(file, { mode: 0o600 });
  const begin = Date.now() + (grants / IMPORTED_PER_SECOND + lifetime * LEAD) * 1000;
  for (let grant = 0; grant < grants; grant += 1) {
    const end = Math.round(begin + ((grant * 7919) % grants) * ((lifetime * 800) / grants));
    const name = `${String(grant)}.0.${String(end)}.`;
    const line = {
      user_id: `held-${String(grant)}`,
      access_token: `a${name}`.padEnd(43, 'x'),
      refresh_token: name.padEnd(43, 'x'),
      expires_at: new Date(end).toISOString(),
      scope: 'openid accounts balances transactions offline_access',
    };
    if (!out.write(`${JSON.stringify(line)}\n`)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
}

/** How many connections waited for a lock, on average of all looks. */
class LockWaits {
  private looks = 0;
  private waiting = 0;

  constructor(private readonly arena: Arena) {}

  async look(): Promise<void> {
    const [row] = await this.arena.table.query<{ waiting: number }>(
      `SELECT count(*)::int AS waiting FROM pg_stat_activity
       WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    this.looks += 1;
    this.waiting += row?.waiting ?? 0;
  }

  get average(): number {
    return this.waiting / Math.max(1, this.looks);
  }
}

/**
 * Two replicas that hold many grants fresh for a while, by the real clock: whether an access token ended
 * before it was renewed is said by the provider.
 *
 * @throws Error when one did, or when a refresh token was presented twice
 */
export async function measureHeld(site: Site, plan: HeldPlan): Promise<Figure[]> {
  const { grants, minutes, lifetime } = plan;
  const provider = new Program('bench/held-provider.mjs');
  const started = await provider.run({ grants, lifetimeMs: lifetime * 1000 });
  const { url } = started as { readonly url: string };
  const lead = Math.round(lifetime * LEAD);
  const arena = await Arena.open(site, {
    name: 'bench-held',
    replicas: REPLICAS,
    environment: { REFRESH_LEAD: String(lead), STITCH_MONEY_TOKEN_ENDPOINT: url },
    each: () => ({ environment: { STITCH_MONEY_TOKEN_ENDPOINT: url } }),
  });
  const say = (text: string) => process.stderr.write(`  ${text}\n`);
  try {
    const file = join(site.directory, 'held.jsonl');
    await writeImport(file, plan);
    const imported = await site.cli(arena.database, 'grants', 'import', file);
    await rm(file);
    say(imported.trim().replaceAll('\n', '; '));
    await arena.start();
    const waits = new LockWaits(arena);
    const processors = () => ({
      vault: arena.replicas.reduce((sum, { pid }) => sum + processorTime(pid ?? 0), 0),
      postgres: processorTime(site.postgres.pid ?? 0, true),
    });
    const before = processors();
    const begun = performance.now();
    const all: Seen[] = [];
    const passed = () => (performance.now() - begun) / 1000;
    while (passed() < minutes * 60) {
      const until = Math.min(passed() + REPORT_SECONDS, minutes * 60);
      while (passed() < until) {
        await waits.look();
        await sleep(LOOK_MS);
      }
      const seen = (await provider.run({})) as Seen;
      all.push(seen);
      say(`${passed().toFixed(0)} s: ${JSON.stringify(seen)}`);
    }
    const seconds = passed();
    const after = processors();
    const sum = (of: (seen: Seen) => number) => all.reduce((total, each) => total + of(each), 0);
    const refreshes = sum(({ refreshes: count }) => count);
    const late = sum((seen) => seen.late) + (all.at(-1)?.expired ?? 0);
    const repeated = sum((seen) => seen.repeated);
    if (late > 0 || repeated > 0) {
      throw new Error(`${late} tokens ended before they were renewed, ${repeated} presented again`);
    }
    const left = Math.min(...all.map(({ leastLeftMs }) => leastLeftMs ?? Infinity)) / 1000;
    const each = (name: keyof typeof before) =>
      `${((after[name] - before[name]) / refreshes).toFixed(0)} µs`;
    const much = `${grants.toLocaleString('en')} grants of ${String(lifetime)} s`;
    return [
      {
        ...{ name: `rotations, ${much} held fresh`, unit: '/s', against: 'what they need' },
        vault: [refreshes / seconds],
        limit: [grants / (lifetime - lead)],
        note:
          `${String(minutes)} min, ${String(REPLICAS)} replicas, none ended before; ` +
          `${each('vault')} of a vault and ${each('postgres')} of PostgreSQL for each, ` +
          `${waits.average.toFixed(2)} connections waiting for a lock`,
      },
      {
        ...{ name: 'least life left at a rotation', unit: 's', against: 'REFRESH_LEAD' },
        vault: [left],
        limit: [lead],
      },
    ];
  } finally {
    provider.close();
    await arena.stopReplicas();
    await arena.close();
  }
}
