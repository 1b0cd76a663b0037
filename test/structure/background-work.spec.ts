import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** They look, or forget what is in memory, and must do so before anything else may work. */
const LOOKS = ['look-at-clients', 'log-refusals', 'health-watch', 'drop-opened-answers'];

const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.spec.ts'))
  .map((path) => readFileSync(join('src', path), 'utf8'));

describe('what runs at an interval', () => {
  it('is added to the list of background work, unless it only looks', () => {
    const decorated = sources.flatMap((source) =>
      [...source.matchAll(/@(?:Interval|Cron|Timeout)\(\s*'([^']+)'/g)].map(([, name]) => name),
    );
    expect(decorated.sort()).toEqual([...LOOKS].sort());
  });
});
