import { Breaker } from '../../src/providers/index.js';
import type { ProviderError } from '../../src/providers/index.js';
import { SUSPICIOUS } from '../../src/grants/index.js';
import type { Grant } from '../../src/grants/index.js';
import { newGrant } from './model-grant.js';
import { Disk } from './model-disk.js';
import { ModelProcess } from './model-process.js';
import { ASKED_SECONDS, FAULT_KINDS, LIFETIME, ModelProvider } from './model-provider.js';
import { PROVIDER_TIMEOUT } from './model-provider.js';
import { ModelStore } from './model-store.js';
import type { Sabotage } from './model-store.js';
import { between, seeded } from './random.js';
import type { SimulationResult } from './simulate.js';
import { VirtualClock } from './virtual-clock.js';

const GRANTS = 12;
/** Seconds that a fault lasts at least, and how many times as long at most; short ones are many. */
const LASTS = { least: 5, factor: 120 };
/** Milliseconds within which everything is fresh again once the provider is well. */
const RECOVERY = 65_000;
/** Guarantee 11: as many grants are given up, or spent, before the fault is known. */
const GIVEN_UP_AT_MOST = 5;
/** Milliseconds within which a call that is failed by the provider has ended. */
const IN_FLIGHT = 100;
/** Seconds in which a provider that spends tokens is asked with one more, when five are spent. */
const ONE_MORE_EVERY = 50;
const FAIR = { longestLatency: 20, lostRequest: 0, lostAnswer: 0, serverError: 0, rateLimited: 0 };

/** A breaker that believes what a provider says that serves nobody. */
class Believing extends Breaker {
  override get believable(): boolean {
    return true;
  }
}

/** A breaker to which every failure is one of the provider. */
class WithoutLedgers extends Breaker {
  private failures = 0;

  override isTroubled(): boolean {
    return false;
  }

  override report(error: ProviderError, grant: string, inDoubt?: boolean): void {
    this.failures += 1;
    super.report(error, `${grant} ${String(this.failures)}`, inDoubt);
  }
}

/**
 * Has a provider without grace be ill for some seconds or minutes, for all users or a few, in one
 * of the ways in which providers are, and checks guarantee 11.
 *
 * @param seed decides everything
 */
export async function simulateFault(
  seed: number,
  sabotage: Sabotage = {},
): Promise<SimulationResult> {
  const random = seeded(seed * 2_654_435_761);
  const clock = new VirtualClock();
  const violations: string[] = [];
  const kind = FAULT_KINDS[between(random, 0, FAULT_KINDS.length - 1)] ?? 'refused';
  const everybody = Array.from({ length: GRANTS }, (_, index) => `u${String(index)}`);
  // That no connection comes about is never of some users alone.
  const few = kind !== 'unreachable' && random() < 0.5;
  const sick = new Set(few ? everybody.slice(0, between(random, 1, 3)) : everybody);
  const share = !few && random() < 0.3 ? 0.5 : 1;
  const seconds = Math.round(LASTS.least * LASTS.factor ** random());
  const violate = (what: string) =>
    violations.push(`${kind} to ${String(sick.size * share)} for ${String(seconds)} s: ${what}`);

  const provider = new ModelProvider(
    clock,
    random,
    { ...FAIR, grace: 0 },
    ...(sabotage.listening ? [PROVIDER_TIMEOUT] : []),
  );
  const store = new ModelStore(clock, sabotage);
  /** When tokens were presented while the provider was ill. */
  const presentedAt: number[] = [];
  let rotations = 0;
  store.onWrite = (before, after) => {
    if (before && after.version > before.version) rotations += 1;
  };
  const MadeBreaker = sabotage.fuse ? Believing : sabotage.ledgers ? WithoutLedgers : Breaker;
  const around = {
    ...{ clock, store, provider, random, databaseSince: () => 0 },
    breaker: (...needs: ConstructorParameters<typeof Breaker>) => new MadeBreaker(...needs),
    watcher: {
      presenting: () => {
        if (provider.fault) presentedAt.push(clock.now());
      },
      presented: () => undefined,
      turnedAway: () => undefined,
      received: () => undefined,
    },
  };
  for (const user of everybody) {
    const grant = newGrant(user, provider, clock);
    store.put({ ...grant, refreshDueAt: clock.now() + between(random, 0, LIFETIME * 0.6) });
  }
  const processes = Array.from(
    { length: between(random, 1, 3) },
    (_, index) => new ModelProcess(`p${String(index)}`, new Disk(), around),
  );
  const rows = () => [...store.rows.values()];
  const dead = () => rows().filter(({ status }) => status === 'reauthorization_required');
  const stale = (row: Grant) => (row.expiresAt ?? 0) <= clock.now();

  await clock.pass(LIFETIME);
  provider.fault = { kind, sick, share };
  let given = 0;
  let unserved = 0;
  for (let second = 0; second < seconds; second += 1) {
    await clock.pass(1000);
    given = Math.max(given, dead().length);
    unserved += rows().filter((row) => !sick.has(row.userId) && stale(row)).length;
  }
  // Beside others that are served each process believes a few refusals; they are had again.
  const most = share < 1 ? 4 * processes.length : GIVEN_UP_AT_MOST;
  if (given > most) violate(`${String(given)} given up during the fault`);
  const unusable = rows().filter(
    (row) => !provider.isUnused(row.userId, row.refreshToken?.toString() ?? ''),
  );
  // Beside others that are served it is never known to be ill.
  // What is in flight when the second one is spent comes on top.
  const [, second = Infinity] = presentedAt;
  const together = presentedAt.filter((at) => at >= second && at < second + IN_FLIGHT).length;
  const spentAtMost =
    Math.max(GIVEN_UP_AT_MOST, 1 + together) + Math.floor(seconds / ONE_MORE_EVERY);
  if (!few && share === 1 && kind !== 'late' && unusable.length > spentAtMost) {
    violate(`${String(unusable.length)} spent by ${String(processes.length)} processes`);
  }
  if (unserved > 0) violate(`others without a token for ${String(unserved)} s in all`);

  provider.fault = undefined;
  await clock.pass(RECOVERY + (kind === 'slow_down' ? ASKED_SECONDS * 1000 : 0));
  // A rotation under way at this very moment is allowed to end.
  const busy = () => rows().some(({ leaseOwner }) => leaseOwner !== null);
  for (let wait = 0; wait < 50 && busy(); wait += 1) await clock.pass(100);
  const spends = kind === 'spent' || kind === 'unreadable';
  let lost = 0;
  for (const row of rows()) {
    const usable = provider.isUnused(row.userId, row.refreshToken?.toString() ?? '');
    // That a few are refused beside others who are served, or one alone, is how withdrawals look.
    const looksSo = few || share < 1 || presentedAt.length < SUSPICIOUS;
    const withdrawn = kind === 'refused' && looksSo && sick.has(row.userId);
    if (row.heldAt !== null) {
      if (kind !== 'unreadable') violate(`${row.userId} is held`);
    } else if (row.status !== 'active') {
      lost += 1;
      if (usable && !withdrawn) violate(`${row.userId} given up, but its token is good`);
    } else if (!usable && !spends) {
      violate(`${row.userId} holds a token that is spent`);
    } else if (stale(row) && usable) {
      violate(`${row.userId} is not fresh although the provider is well`);
    }
    if (!sick.has(row.userId) && row.status !== 'active') violate(`${row.userId} lost, a well one`);
  }
  for (const process of processes) process.kill();
  return { seed, violations, rotations, kills: 0, lost };
}
