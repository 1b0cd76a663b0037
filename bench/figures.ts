/** What was measured, by round. */
export type Measured = readonly number[];

/** One figure beside its limit, measured in the same run. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly vault: Measured;
  readonly limit: Measured;
  /** What the limit is. */
  readonly against: string;
  /** What has to be known of this measurement. */
  readonly note?: string;
}

/** The value in the middle; the lower of two. */
export const median = (values: Measured): number =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? 0;

/** Whether a higher value is the better one: of what is counted in a second it is. */
export const isMoreBetter = ({ unit }: Pick<Figure, 'unit'>): boolean => unit === '/s';

/** The vault's value divided by the limit's, round by round, the one in the middle. */
export const ratioOf = ({ vault, limit }: Pick<Figure, 'vault' | 'limit'>): number =>
  median(vault.map((value, round) => value / (limit[round] ?? value)));

/** A value for a person. */
export const shown = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(2);

/** The value in the middle, and how far the lowest and the highest are from each other. */
function cell(values: Measured, unit: string): string {
  const range =
    values.length > 1 ? ` (${shown(Math.min(...values))}–${shown(Math.max(...values))})` : '';
  return `${shown(median(values))} ${unit}${range}`;
}

const COLUMNS = ['figure', 'vault', 'limit', 'ratio', 'limit is'] as const;

/** A table for a person: medians, lowest and highest in brackets. */
export function table(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [
    figure.name,
    cell(figure.vault, figure.unit),
    cell(figure.limit, figure.unit),
    ratioOf(figure).toFixed(2),
    figure.against + (figure.note ? `; ${figure.note}` : ''),
  ]);
  const all = [[...COLUMNS], ...rows];
  const widths = COLUMNS.map((_, at) => Math.max(...all.map((row) => row[at]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((text, at) => text.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
