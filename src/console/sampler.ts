import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { Injectable } from '@nestjs/common';
import type { BeforeApplicationShutdown } from '@nestjs/common';
import { Log, StorageUnavailableError } from '../common/index.js';
import { DatabaseClock, ProcessId } from '../database/index.js';
import { BackgroundWorks } from '../lifecycle/index.js';
import { Metrics } from '../metrics/index.js';
import type { MetricName } from '../metrics/index.js';
import { SampleStore } from './sample.store.js';
import { added, bucketsOf, grown, sumBy } from './sample.js';
import type { Counts, MetricValue, ProviderSample, Sample } from './sample.js';

/** Milliseconds between two looks at what was counted: a replica that has ended is soon missed. */
const LOOK_EVERY_MS = 15_000;
const MINUTE_MS = 60_000;

const { version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string };

/**
 * Writes down every 15 seconds what this process has counted in the minute that it is. It takes
 * the values from the metrics: there they are counted anyway, and what concerns the whole table of
 * grants is counted at most every 15 seconds.
 */
@Injectable()
export class Sampler implements BeforeApplicationShutdown {
  private readonly startedAt = new Date().toISOString();
  private before: { rotations: Counts; lifeLeft: Counts } = { rotations: {}, lifeLeft: {} };
  private current: { minute: number; rotations: Counts; lifeLeft: Counts } | undefined;

  constructor(
    private readonly metrics: Metrics,
    private readonly store: SampleStore,
    private readonly process: ProcessId,
    private readonly clock: DatabaseClock,
    private readonly log: Log,
    works: BackgroundWorks,
  ) {
    works.every('console-samples', LOOK_EVERY_MS, () => this.look());
  }

  /** Says that this process ended in order: whoever falls silent without a word is missed. */
  beforeApplicationShutdown(): Promise<void> {
    return this.look(true);
  }

  /** Writes the sample of now. What goes wrong is logged: the next look makes up for it. */
  async look(ended = false): Promise<void> {
    try {
      const now = this.clock.now();
      const minute = Math.floor(now / MINUTE_MS) * MINUTE_MS;
      const isNew = await this.count(minute);
      const seen = { seen_at: new Date(now).toISOString(), ended };
      await this.store.write(minute, this.process.value, { ...(await this.sample()), ...seen });
      if (isNew) await this.store.purge();
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) this.log.failure('console.failed', error);
    }
  }

  /** @returns whether a minute has begun */
  private async count(minute: number): Promise<boolean> {
    const rotations = sumBy(await this.values('stitch_vault_rotations_total'), 'outcome');
    const lifeLeft = bucketsOf(await this.values('stitch_vault_rotation_life_left_seconds'));
    const isNew = this.current?.minute !== minute;
    const sofar = isNew || !this.current ? { rotations: {}, lifeLeft: {} } : this.current;
    this.current = {
      minute,
      rotations: added(sofar.rotations, grown(rotations, this.before.rotations)),
      lifeLeft: added(sofar.lifeLeft, grown(lifeLeft, this.before.lifeLeft)),
    };
    this.before = { rotations, lifeLeft };
    return isNew;
  }

  private async sample(): Promise<Sample> {
    const [due, dueAge, inDoubt, answers, links, paused] = await Promise.all([
      this.one('stitch_vault_due_grants'),
      this.one('stitch_vault_due_age_seconds'),
      this.one('stitch_vault_in_doubt_grants'),
      this.one('stitch_vault_answers_in_hand'),
      this.one('stitch_vault_links_in_hand'),
      this.one('stitch_vault_refresh_paused'),
    ]);
    const parts = sumBy(await this.values('stitch_vault_part_up'), 'part');
    return {
      host: hostname(),
      version,
      started_at: this.startedAt,
      rotations: this.current?.rotations ?? {},
      life_left: this.current?.lifeLeft ?? {},
      due,
      due_age_seconds: Math.round(dueAge),
      in_doubt: inDoubt,
      in_hand: answers + links,
      providers: await this.providers(),
      refresh_paused: paused > 0,
      parts_down: Object.keys(parts).filter((part) => parts[part] === 0),
      grants: await this.grants(),
    };
  }

  private async providers(): Promise<Record<string, ProviderSample>> {
    const breakers = sumBy(await this.values('stitch_vault_breaker_state'), 'provider');
    const suspected = sumBy(await this.values('stitch_vault_provider_suspected'), 'provider');
    return Object.fromEntries(
      Object.entries(breakers).map(([name, breaker]) => [
        name,
        { breaker, suspected: (suspected[name] ?? 0) > 0 },
      ]),
    );
  }

  private async grants(): Promise<Record<string, Counts>> {
    const grants: Record<string, Counts> = {};
    for (const { labels, value } of await this.values('stitch_vault_grants')) {
      const statuses = (grants[String(labels.provider)] ??= {});
      statuses[String(labels.status)] = value;
    }
    return grants;
  }

  private async one(name: MetricName): Promise<number> {
    return (await this.values(name))[0]?.value ?? 0;
  }

  /** @returns nothing for a metric that this vault does not have */
  private async values(name: MetricName): Promise<readonly MetricValue[]> {
    const metric = this.metrics.registry.getSingleMetric(name);
    return metric ? (await metric.get()).values : [];
  }
}
