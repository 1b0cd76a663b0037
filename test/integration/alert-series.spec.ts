import { readFileSync } from 'node:fs';
import { createWorld } from '../support/world.js';

/** A counter within `increase()`, with the labels that are asked for. */
const INCREASE = /increase\((?<name>\w+)(?:\{(?<labels>[^}]*)\})?\[/g;

/**
 * Prometheus counts from a series' first sample on: one that begins with the thing that is to be told of is never
 * told of.
 */
it('has every series that an alert counts from the start', async () => {
  const rules = readFileSync('deploy/prometheus/stitch-token-vault.rules.yml', 'utf8');
  const counted = [...rules.matchAll(INCREASE)].map(({ groups }) => ({
    name: groups?.name ?? '',
    labels: (groups?.labels ?? '').split(',').filter(Boolean),
  }));
  expect(counted.length).toBeGreaterThan(6);
  const world = await createWorld();
  try {
    const samples = (await (await world.vault.request('/metrics')).text())
      .split('\n')
      .filter((line) => !line.startsWith('#'));
    const missing = counted.filter(
      ({ name, labels }) =>
        !samples.some(
          (line) =>
            (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) &&
            labels.every((label) => line.includes(label)),
        ),
    );
    expect(missing).toEqual([]);
  } finally {
    await world.close();
  }
});
