import { join } from 'node:path';
import { eventually } from '../../support/wait.js';
import { Arena } from '../arena.js';
import { buildEarlier } from '../earlier-build.js';
import type { EarlierBuild } from '../earlier-build.js';
import { countLost } from '../losses.js';
import type { ReadTally } from '../read-tally.js';
import { Findings, inArena, notRun, steadily, users } from '../scenario.js';
import type { Outcome, Scenario } from '../scenario.js';
import type { Site } from '../site.js';

const TITLE = 'upgrade through a migration, and back';

/** The version before the newest migration and this one, side by side on one database. */
export const upgrade: Scenario = {
  name: 'upgrade',
  run: async (site, quick): Promise<Outcome[]> => {
    const build = buildEarlier(site.directory);
    if (!build) return [notRun(TITLE, 'the history of git does not reach the version before')];
    const everyone = users(quick ? 40 : 200);
    const found = new Findings(TITLE, `from ${build.commit}, ${everyone.length} grants of 10 s`);
    const arena = await Arena.open(await site.earlier(build.dist), {
      name: 'upgrade',
      replicas: 2,
      oneAddress: true,
      environment: { PROVIDER_TIMEOUT: '2', MIN_TTL: '3' },
      switches: { graceSeconds: 30, tokenLifetime: 10 },
    });
    for (const wire of arena.wires) wire.answerDelay = [20, 100];
    return inArena(arena, async () => {
      await arena.start();
      await arena.seed(steadily(everyone));
      const at = new Upgrade(arena, site, build, found);
      const turns = quick ? 5 : 50;
      const orderly = await read(arena, everyone, () => upgradeAndBack(at, turns));
      const { answered, refused, wrong, refusalText } = orderly;
      found.check(refused === 0, `${refused} reads refused without a kill${refusalText}`);
      found.check(wrong === 0, `${wrong} wrong tokens without a kill`);
      const tally = await read(arena, everyone, () => killBoth(at));
      await arena.stopReplicas();
      found.check(arena.sandbox.stats.reuseEvents === 0, 'a used refresh token was presented');
      found.note(
        `${answered} reads answered and ${refused} refused in the upgrade and back; ` +
          `${tally.answered} and ${tally.refused} while replicas of both were killed`,
      );
      return [found.conclude(arena, tally, await countLost(arena, found))];
    });
  },
};

/** Reads while something is done, until all that it left is mended. */
async function read(
  arena: Arena,
  everyone: readonly string[],
  work: () => Promise<void>,
): Promise<ReadTally> {
  const readers = arena.openReaders(6);
  readers.run(everyone, 4, 40);
  await work();
  await arena.recover(60_000);
  await arena.settle(3, 60_000);
  return readers.stop();
}

/** As `docs/upgrading.md` has it: the schema first, then one replica after the other. */
async function upgradeAndBack(at: Upgrade, turns: number): Promise<void> {
  await at.linksOn(0, 0);
  await at.migrate();
  await at.turnsOver(turns);
  await at.replace(0, 'this', 'SIGTERM');
  await at.linksOn(0, 1);
  await at.linksOn(1, 0);
  await at.turnsOver(turns);
  // Back to the version before: the schema stays.
  await at.replace(0, 'earlier', 'SIGTERM');
  await at.linksOn(0, 1);
  await at.turnsOver(turns);
  await at.replace(0, 'this', 'SIGTERM');
}

/** What one version has begun and not ended is ended by the other. */
async function killBoth(at: Upgrade): Promise<void> {
  await at.replace(0, 'this', 'SIGKILL');
  await at.replace(1, 'earlier', 'SIGKILL');
  // Its own spool is taken on by the version after it.
  await at.replace(1, 'this', 'SIGKILL');
  await at.linksOn(1, 0);
}

/** The steps of an upgrade, each of which says what went wrong in it. */
class Upgrade {
  private linked = 0;

  constructor(
    private readonly arena: Arena,
    private readonly site: Site,
    private readonly build: EarlierBuild,
    private readonly found: Findings,
  ) {}

  /** Migrates to today's schema, while replicas of the earlier version serve. */
  async migrate(): Promise<void> {
    const applied = await this.site.cli(this.arena.database, 'migrate');
    this.found.check(applied.startsWith('Applied'), `migrate said ${applied.trim()}`);
    this.found.note(applied.trim().replaceAll('\n', ', '));
    await this.allReady();
  }

  /** Ends a replica in the midst of its work and starts it in this version, with the same spool. */
  async replace(
    index: number,
    version: 'earlier' | 'this',
    signal: 'SIGTERM' | 'SIGKILL',
  ): Promise<void> {
    const { arena, found } = this;
    const replica = arena.replicas[index]!;
    await eventually('a call is in flight', () => arena.wires[index]!.inFlight > 0);
    const { code } = await replica.end(signal);
    if (signal === 'SIGTERM') found.check(code === 0, `${replica.name} ended with ${String(code)}`);
    const dist = version === 'this' ? this.site.dist : this.build.dist;
    await replica.start([join(dist, 'main.js')]);
    await this.allReady();
  }

  /** A link that one replica begins and another one ends, and a read of both. */
  async linksOn(begins: number, ends: number): Promise<void> {
    const user = `linked-${(this.linked += 1)}`;
    const linked = await this.arena.link(begins, user, ends);
    this.found.check(linked, `${user}: begun on ${begins}, not ended on ${ends}`);
    for (const { url } of linked ? this.arena.replicas : []) {
      const headers = { authorization: `Bearer ${this.arena.site.key}` };
      const { status } = await fetch(`${url}/tokens/${user}`, { headers });
      this.found.check(status === 200, `${user}: a read was answered ${status}`);
    }
  }

  /** Waits until each replica has rotated so many. */
  async turnsOver(count: number): Promise<void> {
    const { wires } = this.arena;
    const before = wires.map(({ calls }) => calls);
    await eventually(
      `each replica rotates ${count}`,
      () => wires.every(({ calls }, index) => calls >= before[index]! + count),
      30_000,
    );
  }

  private async allReady(): Promise<void> {
    await Promise.all(this.arena.replicas.map((_, index) => this.arena.ready(index)));
  }
}
