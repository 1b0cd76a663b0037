import { settingProblems } from './server-settings.js';
import type { ServerSettings } from './server-settings.js';

const GOOD: ServerSettings = {
  version: 150_004,
  encoding: 'UTF8',
  recovering: false,
  readOnly: 'off',
  replicationRole: 'origin',
  isolation: 'read committed',
  arrayNulls: 'on',
  statementTimeout: 0,
  schema: 'public',
};

describe('settings of the server that the vault cannot work with', () => {
  it('are none by default, nor a limit beyond its own', () => {
    expect(settingProblems(GOOD)).toEqual([]);
    expect(settingProblems({ ...GOOD, statementTimeout: 60_000 })).toEqual([]);
  });

  it.each([
    ['server_version', { version: 140_012 }],
    ['server_encoding', { encoding: 'LATIN1' }],
    ['server_encoding', { encoding: 'SQL_ASCII' }],
    ['in_recovery', { recovering: true, readOnly: 'on' }],
    ['default_transaction_read_only', { readOnly: 'on' }],
    ['session_replication_role', { replicationRole: 'replica' }],
    ['default_transaction_isolation', { isolation: 'serializable' }],
    ['array_nulls', { arrayNulls: 'off' }],
    ['statement_timeout', { statementTimeout: 100 }],
    ['search_path', { schema: null }],
  ])('are refused by name: %s', (name, settings) => {
    const problems = settingProblems({ ...GOOD, ...settings });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${name}: `));
  });
});
