import type { Site } from '../test/faults/site.js';
import { median } from './figures.js';
import type { Figure } from './figures.js';
import type { LoadGenerator, LoadResult } from './load.js';
import { CORES, RotationBench } from './rotation-bench.js';
import type { BareCalls, Drained, RotationPlan } from './rotation-bench.js';
import { users } from './users.js';

/** Rounds that are not counted: in them the compilers of both sides come to an end. */
const WARM_UPS = 2;
const AT_ONCE: RotationPlan = { backlog: 5000, latencyMs: 0, concurrency: 32 };
const SLOW: RotationPlan = { backlog: 6000, latencyMs: 100, concurrency: 256 };
const READERS = 1000;
const READ_CONNECTIONS = 32;
const READ_MS = 2000;

/** Runs one and the other in turn. */
async function inTurn<One, Other>(
  rounds: number,
  one: () => Promise<One>,
  other: () => Promise<Other>,
): Promise<{ readonly ones: One[]; readonly others: Other[] }> {
  const ones: One[] = [];
  const others: Other[] = [];
  for (let round = 0; round < WARM_UPS + rounds; round += 1) {
    ones.push(await one());
    others.push(await other());
  }
  return { ones: ones.slice(WARM_UPS), others: others.slice(WARM_UPS) };
}

async function besideBareLoop(
  site: Site,
  plan: RotationPlan,
  rounds: number,
  node: readonly string[],
) {
  const bench = await RotationBench.open(site, plan, node);
  try {
    return await inTurn(
      rounds,
      () => bench.drain(),
      () => bench.bare(),
    );
  } finally {
    await bench.close();
  }
}

const microseconds = (value: number) => `${String(Math.round(value))} µs`;

/** What else a rotation has cost the processor, in words. */
const others = (drained: readonly Drained[]): string =>
  `PostgreSQL ${microseconds(median(drained.map(({ postgres }) => postgres)))}, provider ` +
  microseconds(median(drained.map(({ provider }) => provider)));

const perSecond = (measured: readonly { readonly perSecond: number }[]) =>
  measured.map((each) => each.perSecond);

/**
 * Draining a backlog of stale grants, beside the same refresh calls in a bare loop of `fetch`.
 *
 * @param profiles where profiles of the vault's processor are left; nowhere unless given
 */
export async function measureRotations(
  site: Site,
  rounds: number,
  profiles?: string,
): Promise<Figure[]> {
  const node = profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`];
  const against = 'bare loop of fetch, nothing stored';
  const fast = await besideBareLoop(site, AT_ONCE, rounds, node);
  const slow = await besideBareLoop(site, SLOW, rounds, node);
  const ideal = (SLOW.concurrency / SLOW.latencyMs) * 1000;
  const cpu = (measured: readonly BareCalls[]) => measured.map((each) => each.cpu);
  const vault = (measured: readonly Drained[]) => measured.map((each) => each.vault);
  return [
    {
      ...{ name: 'rotations, provider at once', unit: '/s', against, note: CORES },
      vault: perSecond(fast.ones),
      limit: perSecond(fast.others),
    },
    {
      ...{ name: 'processor for a rotation', unit: 'µs', against, note: others(fast.ones) },
      vault: vault(fast.ones),
      limit: cpu(fast.others),
    },
    {
      ...{ name: 'rotations, provider 100 ms', unit: '/s', against, note: CORES },
      vault: perSecond(slow.ones),
      limit: perSecond(slow.others),
    },
    {
      ...{ name: 'the same, by its calls under way', unit: '/s' },
      vault: perSecond(slow.ones),
      limit: slow.ones.map(() => ideal),
      against: 'REFRESH_CONCURRENCY ÷ latency',
    },
  ];
}

/** Two replicas that drain one backlog, beside one that does it alone. */
export async function measureReplicas(site: Site, rounds: number): Promise<Figure[]> {
  const one = await RotationBench.open(site, AT_ONCE);
  const two = await RotationBench.open(site, { ...AT_ONCE, replicas: 2 });
  try {
    const measured = await inTurn(
      rounds,
      () => two.drain(),
      () => one.drain(),
    );
    const against = 'one replica';
    return [
      {
        ...{ name: 'rotations, two replicas', unit: '/s', against, note: CORES },
        vault: perSecond(measured.ones),
        limit: perSecond(measured.others),
      },
      {
        ...{ name: 'processor for one of them', unit: 'µs', against, note: others(measured.ones) },
        vault: measured.ones.map(({ vault }) => vault),
        limit: measured.others.map(({ vault }) => vault),
      },
    ];
  } finally {
    await one.close();
    await two.close();
  }
}

/** Warm reads while a backlog is drained at full speed, beside the same with nothing else to do. */
export async function measureReadsWhileRefreshing(
  site: Site,
  key: string,
  generator: LoadGenerator,
  rounds: number,
): Promise<Figure[]> {
  // With so many reads beside it a second or two are not enough for it.
  const bench = await RotationBench.open(site, { ...AT_ONCE, backlog: 8000 });
  const readers = users('reader', READERS);
  const read = () =>
    generator.run({
      url: bench.replicas[0]?.url ?? '',
      paths: readers.map((user) => `/tokens/${user}`),
      headers: { authorization: `Bearer ${key}` },
      connections: READ_CONNECTIONS,
      milliseconds: READ_MS,
    });
  const busy = async () => {
    let result: LoadResult | undefined;
    const drained = await bench.drain(async () => (result = await read()));
    if (!result) throw new Error('nothing was read');
    return { ...result, rotations: drained.perSecond };
  };
  try {
    await bench.seedFresh(readers);
    const { ones, others: idle } = await inTurn(rounds, busy, read);
    const note = `${String(Math.round(median(ones.map(({ rotations }) => rotations))))} rotations/s beside`;
    const against = 'the same, nothing else to do';
    return [
      {
        ...{ name: '99 of 100 reads within, refreshing', unit: 'ms', against, note },
        vault: ones.map(({ p99 }) => p99),
        limit: idle.map(({ p99 }) => p99),
      },
      {
        ...{ name: 'warm reads, refreshing', unit: '/s', against, note },
        vault: perSecond(ones),
        limit: perSecond(idle),
      },
    ];
  } finally {
    await bench.close();
  }
}
