import { grantKeyText } from '../../src/grants/index.js';
import type { Grant } from '../../src/grants/index.js';
import { key, newGrant } from './model-grant.js';
import { ModelProvider } from './model-provider.js';
import { Disk } from './model-disk.js';
import { ModelProcess } from './model-process.js';
import { ModelStore } from './model-store.js';
import type { Sabotage } from './model-store.js';
import { between, seeded } from './random.js';
import { VirtualClock } from './virtual-clock.js';

/** What one simulated run showed. */
export interface SimulationResult {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly rotations: number;
  readonly kills: number;
  /** Grants whose answer was lost on the wire or with a process, and that no grace could save. */
  readonly lost: number;
}

const GRANTS = 6;
const PROCESSES = 3;
/** Milliseconds of storm, and of calm afterwards. */
const STORM = 60_000;
const CALM = 60_000;
/** Milliseconds within which a process commits what it found at its start, or after an outage. */
const SETTLED = 2000;
/** Milliseconds within which a found answer whose row was locked is tried again: a regular look. */
const UNLOCKED_SEEN = 5000;
/** Milliseconds for which a row stays locked at most. */
const LONGEST_LOCK = 8000;
const FAIR = { longestLatency: 20, lostRequest: 0, lostAnswer: 0, serverError: 0, rateLimited: 0 };

/**
 * Runs three processes over a few grants through a storm of crashes, outages and lost answers, then
 * lets them come to rest, and checks what must never happen.
 *
 * @param seed decides everything, whether the provider has a grace included (even seeds have)
 */
export async function simulate(seed: number, sabotage: Sabotage = {}): Promise<SimulationResult> {
  const random = seeded(seed);
  const grace = seed % 2 === 0 ? Infinity : 0;
  const clock = new VirtualClock();
  const violations: string[] = [];
  const violate = (what: string) =>
    violations.push(`${String(Math.floor(clock.now() % 1_000_000))} ms: ${what}`);
  const provider = new ModelProvider(clock, random, {
    grace,
    longestLatency: between(random, 10, 3000),
    lostRequest: random() * 0.1,
    lostAnswer: random() * 0.1,
    serverError: random() * 0.1,
    rateLimited: random() * 0.05,
  });
  const store = new ModelStore(clock, sabotage);
  let rotations = 0;
  store.onWrite = (before, after) => {
    if (!before) return;
    if (after.version < before.version) violate(`version fell: ${after.userId}`);
    if (after.version > before.version) rotations += 1;
  };

  // Replicas of one machine share a spool directory, others have one each.
  const shared: Disk | undefined = random() < 0.5 ? new Disk() : undefined;
  const disks: Disk[] = Array.from({ length: PROCESSES }, () => shared ?? new Disk());
  const running: (ModelProcess | undefined)[] = [];

  const inFlight = new Map<string, string>();
  const presented = new Set<string>();
  const received = new Map<string, Disk>();
  /** Users whose answer lay on the disk of a dead process for longer than its lease. */
  const orphaned = new Set<string>();
  /** When somebody's lock on a row ended. */
  const unlockedAt = new Map<string, number>();
  const tokenOf = (grant: Grant) => grant.refreshToken?.toString() ?? '';
  let databaseSince = clock.now();
  const around = {
    clock,
    store,
    provider,
    random,
    databaseSince: () => databaseSince,
    watcher: {
      presenting: (grant: Grant & { inDoubt: boolean }, process: string) => {
        const token = tokenOf(grant);
        const other = inFlight.get(token);
        if (other !== undefined) violate(`${token} presented by ${process} while by ${other}`);
        // One that was given up while its provider was suspected is tried once more.
        const again = presented.has(token) && grant.status === 'active';
        if (again && !grant.inDoubt) violate(`${token} presented twice, no doubt`);
        // Given up, it was presented without the answer before: once more costs nothing.
        const disk = grant.status === 'active' ? received.get(token) : undefined;
        if (disk) {
          const settled = clock.now() - SETTLED;
          const owner = running.find((each) => each?.disk === disk && each.startedAt < settled);
          const unlocked = (unlockedAt.get(grantKeyText(grant)) ?? 0) + UNLOCKED_SEEN;
          if (owner && databaseSince < settled && unlocked < settled)
            violate(`${token}: its answer was not committed yet`);
          orphaned.add(grant.userId);
        }
        presented.add(token);
        inFlight.set(token, process);
      },
      presented: (grant: Grant) => inFlight.delete(tokenOf(grant)),
      turnedAway: (grant: Grant) => presented.delete(tokenOf(grant)),
      received: (grant: Grant, process: string) => {
        const disk = running.find((each) => each?.name === process)?.disk;
        if (disk) received.set(tokenOf(grant), disk);
      },
    },
  };

  for (let index = 0; index < GRANTS; index += 1)
    store.put(newGrant(`u${String(index)}`, provider, clock));
  disks.forEach((disk, index) => running.push(new ModelProcess(`p${String(index)}`, disk, around)));
  store.isHeld = (process, leaseExpiresAt) =>
    running.find((each) => each?.name === process)?.holdsSince(leaseExpiresAt) ?? false;
  let kills = 0;
  const restart = (index: number) => {
    const disk = disks[index];
    if (disk) running[index] = new ModelProcess(`p${String(index)}.${String(kills)}`, disk, around);
  };
  const kill = (index: number, downFor: number) => {
    const victim = running[index];
    if (!victim) return;
    victim.kill();
    running[index] = undefined;
    kills += 1;
    for (const [token, process] of inFlight) if (process === victim.name) inFlight.delete(token);
    clock.after(downFor, () => {
      restart(index);
    });
  };

  const bringBack = () => {
    if (store.available) return;
    store.available = true;
    databaseSince = clock.now();
    for (const process of running) process?.recover();
  };

  const end = clock.now() + STORM;
  while (clock.now() < end) {
    const event = random();
    const index = between(random, 0, PROCESSES - 1);
    if (event < 0.12) kill(index, between(random, 100, 30_000));
    else if (event < 0.16 && store.available) {
      store.available = false;
      clock.after(between(random, 100, 20_000), bringBack);
    } else if (event < 0.19) {
      // An operator's open transaction, for less than a lease lasts.
      const row = grantKeyText(key(`u${String(between(random, 0, GRANTS - 1))}`));
      store.locked.add(row);
      clock.after(between(random, 10, LONGEST_LOCK), () => {
        store.locked.delete(row);
        unlockedAt.set(row, clock.now());
      });
    } else if (event < 0.7) {
      const user = `u${String(between(random, 0, GRANTS - 1))}`;
      void running[index]?.read(key(user)).then(
        (outcome) => {
          if (outcome?.kind !== 'grant' || outcome.grant.status !== 'active') return;
          const { accessToken, expiresAt } = outcome.grant;
          const fresh = (expiresAt ?? 0) > clock.now();
          const access = accessToken.toString();
          if (fresh && !provider.isLive(user, access)) violate(`dead token served: ${access}`);
        },
        () => undefined,
      );
    }
    await clock.pass(between(random, 10, 800));
  }

  provider.weather = { ...FAIR, grace };
  bringBack();
  for (const row of store.locked) unlockedAt.set(row, clock.now());
  store.locked.clear();
  await clock.pass(CALM);
  // A rotation under way at this very moment is allowed to end.
  const busy = () => [...store.rows.values()].some(({ leaseOwner }) => leaseOwner !== null);
  for (let wait = 0; wait < 50 && busy(); wait += 1) await clock.pass(100);
  let lost = 0;
  for (const grant of store.rows.values()) {
    const token = tokenOf(grant);
    // Refused, and not believed for as long as many are: it is told lost when others were served.
    const disbelieved = grace === 0 && grant.lastError?.startsWith('invalid_grant');
    if (grant.status === 'active' && disbelieved && provider.isSpent(grant.userId, token)) {
      lost += 1;
      continue;
    }
    if (grant.status === 'active') {
      const usable = provider.isUnused(grant.userId, token);
      if (!usable) violate(`${grant.userId} holds a refresh token that is spent`);
      if ((grant.expiresAt ?? 0) <= clock.now()) violate(`${grant.userId} was not kept fresh`);
      continue;
    }
    lost += 1;
    if (grace > 0) violate(`${grant.userId} lost although the provider has a grace`);
    if (received.has(token) && !orphaned.has(grant.userId))
      violate(`${grant.userId} lost although its answer was not committed yet`);
    if (!provider.isSpent(grant.userId, token)) violate(`${grant.userId} lost without a reason`);
    if (grant.reason !== 'rotation_lost')
      violate(`${grant.userId} lost, but called ${String(grant.reason)}`);
  }
  for (const process of running) process?.kill();
  return { seed, violations, rotations, kills, lost };
}
