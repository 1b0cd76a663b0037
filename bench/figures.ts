/** One figure beside its limit, measured in the same run. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  /** Of each round. */
  readonly vault: readonly number[];
  readonly limit: readonly number[];
  /** What the limit is. */
  readonly against: string;
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? 0;

const shown = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(2);

/** A line for a person: medians, and their ratio pair by pair. */
export function describe({ name, unit, vault, limit, against }: Figure): string {
  const ratio = median(vault.map((value, round) => value / (limit[round] ?? value)));
  return [
    name.padEnd(28),
    `${shown(median(vault))} ${unit}`.padStart(18),
    `${shown(median(limit))} ${unit}`.padStart(18),
    ratio.toFixed(2).padStart(8),
    `  ${against}`,
  ].join('');
}
