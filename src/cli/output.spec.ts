import { table } from './output.js';

describe('a table of a command', () => {
  it('has a header, and columns as wide as their longest cell', () => {
    const rows = [
      ['a', 10, null],
      ['longer', 2, 'last'],
    ];
    expect(table(['name', 'count', 'reason'], rows)).toEqual([
      'NAME    COUNT  REASON',
      'a       10     -',
      'longer  2      last',
    ]);
  });

  it('is nothing without rows', () => {
    expect(table(['name'], [])).toEqual([]);
  });
});
