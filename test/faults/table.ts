import type { Outcome } from './scenario.js';

const HEADINGS = [
  'scenario',
  'trials',
  'rotations',
  'grants lost',
  'wrong or dead tokens',
  'longest unavailability (s)',
  'verdict',
] as const;

/** The table as Markdown, and below it what was noted. */
export function render(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map((each) =>
    each.verdict === 'not run'
      ? [each.scenario, '', '', '', '', '', each.verdict]
      : [
          each.scenario,
          each.trials,
          String(each.rotations),
          String(each.lost),
          String(each.wrong),
          each.unavailable.toFixed(1),
          each.verdict,
        ],
  );
  const widths = HEADINGS.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  const notes = outcomes.flatMap(({ scenario, notes: noted }) =>
    noted.length > 0 ? [`${scenario}:`, ...noted.map((note) => `  - ${note}`)] : [],
  );
  return [line(HEADINGS), rule, ...rows.map(line), '', ...notes, ''].join('\n');
}
