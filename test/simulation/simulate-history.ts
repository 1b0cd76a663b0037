import { performance } from 'node:perf_hooks';
import { grantKeyText } from '../../src/grants/index.js';
import type { Grant } from '../../src/grants/index.js';
import { key, newGrant } from './model-grant.js';
import { ModelHistory } from './model-history.js';
import { ModelMemory } from './model-memory.js';
import { Disk } from './model-disk.js';
import { ModelProcess } from './model-process.js';
import { ModelProvider } from './model-provider.js';
import { ModelStore } from './model-store.js';
import type { Sabotage } from './model-store.js';
import { between, seeded } from './random.js';
import type { SimulationResult } from './simulate.js';
import { VirtualClock } from './virtual-clock.js';

const GRANTS = 6;
const PROCESSES = 3;
/** Milliseconds of trouble, and of calm afterwards. */
const TROUBLE = 60_000;
const CALM = 60_000;
/** Milliseconds within which every process is known to the database. */
const KNOWN = 5000;
/** Milliseconds of its last writing that the database may lack, and for which it refuses writes. */
const LONGEST_LAG = 6000;
const LONGEST_REFUSAL = 20_000;
const HOUR = 3_600_000;

/** `performance.now` is the run's own time meanwhile: what is measured by it is part of the run. */
async function onClock<T>(clock: VirtualClock, run: () => Promise<T>): Promise<T> {
  const real = performance.now.bind(performance);
  performance.now = () => clock.now();
  try {
    return await run();
  } finally {
    performance.now = real;
  }
}

/**
 * Runs three processes at a provider without grace while the database goes back in time, refuses
 * writes, and has its clock stepped. No answer is lost on the wire and no process dies with one in
 * flight: so no token may be presented twice, and no grant lost.
 *
 * @param seed decides everything
 */
export function simulateHistory(seed: number, sabotage: Sabotage = {}): Promise<SimulationResult> {
  const clock = new VirtualClock();
  return onClock(clock, () => run(clock, seed, sabotage));
}

async function run(
  clock: VirtualClock,
  seed: number,
  sabotage: Sabotage,
): Promise<SimulationResult> {
  const random = seeded(seed * 40_503);
  const violations: string[] = [];
  const violate = (what: string) =>
    violations.push(`${String(Math.floor(clock.now() % 1_000_000))} ms: ${what}`);
  const weather = { grace: 0, lostRequest: 0, lostAnswer: 0, serverError: 0, rateLimited: 0 };
  const longestLatency = between(random, 10, 3000);
  const provider = new ModelProvider(clock, random, { ...weather, longestLatency });
  let skew = 0;
  /** Whether the database's clock was ever stepped. */
  let stepped = false;
  const databaseClock = { now: () => clock.now() + skew };
  const store = new ModelStore(databaseClock, sabotage);
  const history = new ModelHistory(databaseClock);
  store.isHeld = (process, leaseExpiresAt) => history.holds(process, leaseExpiresAt);
  let rotations = 0;
  store.onWrite = (before, after) => {
    if (before && after.version > before.version) rotations += 1;
  };

  const tokenOf = (grant: Grant) => grant.refreshToken?.toString() ?? '';
  const presented = new Set<string>();
  const past = { clock, databaseClock, store, history, sabotage };
  const around = {
    ...{ clock, store, provider, random, databaseSince: () => 0 },
    memory: (owner: ConstructorParameters<typeof ModelMemory>[1]) => new ModelMemory(past, owner),
    watcher: {
      presenting: (grant: Grant, process: string) => {
        const token = tokenOf(grant);
        if (presented.has(token)) violate(`${token} presented again, by ${process}`);
        presented.add(token);
      },
      presented: () => undefined,
      turnedAway: () => undefined,
      received: () => undefined,
    },
  };
  for (let index = 0; index < GRANTS; index += 1)
    store.put(newGrant(`u${String(index)}`, provider, clock));
  const shared = random() < 0.3 ? new Disk() : undefined;
  const disks = Array.from({ length: PROCESSES }, () => shared ?? new Disk());
  const start = (index: number, life: number) =>
    new ModelProcess(`p${String(index)}.${String(life)}`, disks[index] ?? new Disk(), around);
  const running: (ModelProcess | undefined)[] = disks.map((_, index) => start(index, 0));

  const kept: { at: number; rows: Map<string, Grant>; state: ReturnType<typeof history.save> }[] =
    [];
  const keep = () => {
    kept.push({ at: clock.now(), rows: new Map(store.rows), state: history.save() });
    while ((kept[0]?.at ?? 0) < clock.now() - LONGEST_LAG) kept.shift();
  };
  /**
   * That a server has gone back which is the same one as before is noticed by those alone who were there.
   * Until one of them has, nobody begins, and one of them lives.
   */
  let unnoticed: (() => boolean)[] = [];
  const isUnnoticed = () => {
    if (unnoticed.some((noticed) => noticed())) unnoticed = [];
    return unnoticed.length > 0;
  };
  /** Brings back an earlier state: of another server, or of the same one after it was away. */
  const goBack = () => {
    const place = between(random, 0, kept.length - 1);
    const state = kept[place];
    if (!state) return;
    kept.length = place + 1;
    store.rows.clear();
    for (const [text, row] of state.rows) store.rows.set(text, row);
    history.bringBack(state.state);
    const witnesses = running.flatMap((process) => process?.noticing ?? []);
    const other = random() < 0.7 || witnesses.length === 0;
    if (!other) unnoticed = witnesses;
    if (other) history.incarnation = `${history.incarnation}'`;
    if (other && random() < 0.5) return;
    store.available = false;
    // A shorter absence of the same server would break connections; here nobody might notice it.
    clock.after(between(random, other ? 100 : 3000, 10_000), () => {
      store.available = true;
    });
  };
  const setWritable = (writable: boolean) => {
    store.writable = writable;
    history.writable = writable;
  };
  let restarts = 0;
  const restart = (index: number) => {
    const process = running[index];
    // With a call under way nobody can help: `simulate` has these.
    if (!process?.idle || isUnnoticed()) return;
    process.kill();
    running[index] = undefined;
    restarts += 1;
    const life = restarts;
    const begin = () => {
      if (isUnnoticed()) clock.after(1000, begin);
      else running[index] = start(index, life);
    };
    clock.after(between(random, 100, 8000), begin);
  };
  const read = (index: number) => {
    const user = `u${String(between(random, 0, GRANTS - 1))}`;
    const reader = running[index];
    void reader?.read(key(user)).then(
      (outcome) => {
        if (outcome?.kind !== 'grant' || outcome.grant.status !== 'active') return;
        const access = outcome.grant.accessToken.toString();
        // What is done about tokens of before a step is no part of the model.
        if (!stepped && reader.serves(outcome.grant) && !provider.isLive(user, access))
          violate(`dead token served: ${access}`);
      },
      () => undefined,
    );
  };

  await clock.pass(KNOWN);
  const end = clock.now() + TROUBLE;
  while (clock.now() < end) {
    keep();
    const event = random();
    const index = between(random, 0, PROCESSES - 1);
    if (event < 0.03) goBack();
    else if (event < 0.05 && store.writable) {
      setWritable(false);
      clock.after(between(random, 100, LONGEST_REFUSAL), () => {
        setWritable(true);
      });
    } else if (event < 0.07) {
      skew = random() < 0.5 ? 0 : between(random, -HOUR, HOUR);
      stepped ||= skew !== 0;
    } else if (event < 0.1) restart(index);
    else if (event < 0.6) read(index);
    await clock.pass(between(random, 10, 500));
  }

  setWritable(true);
  store.available = true;
  skew = 0;
  await clock.pass(CALM);
  // Rotations go on: each grant is looked at when none of its own is under way.
  let lost = 0;
  for (const [text] of store.rows) {
    const isLeased = () => store.rows.get(text)?.leaseOwner !== null;
    for (let wait = 0; wait < 500 && isLeased(); wait += 1) await clock.pass(10);
    const grant = store.rows.get(text);
    if (!grant) continue;
    const name = grantKeyText(grant).replaceAll('\0', ' ');
    if (grant.status !== 'active') {
      lost += 1;
      violate(`${name} lost: ${String(grant.reason)}`);
    } else if (!provider.isUnused(grant.userId, tokenOf(grant))) {
      violate(`${name} holds a refresh token that is spent`);
    }
  }
  for (const process of running) process?.kill();
  return { seed, violations, rotations, kills: restarts, lost };
}
