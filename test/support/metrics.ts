import type { TestVault } from './vault.js';

/**
 * The value of a metric as Prometheus would see it; 0 when it has no sample yet.
 *
 * @param sample its name, with its labels where it has any, as the exposition format spells them
 */
export async function metric(vault: Pick<TestVault, 'request'>, sample: string): Promise<number> {
  const text = await (await vault.request('/metrics')).text();
  const line = text.split('\n').find((each) => each.startsWith(`${sample} `));
  return line === undefined ? 0 : Number(line.slice(sample.length + 1));
}
