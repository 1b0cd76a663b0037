import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EnvironmentReader } from '../../src/config/environment-reader.js';
import { readOAuthProviders } from '../../src/config/read-oauth-providers.js';
import { pageOf } from './page-lists.js';

const SECRETS = '/run/secrets/';

interface Shown {
  readonly title: string;
  readonly json: string;
  readonly text: string;
}

/** The entries of the page: a heading each, a block of JSON, and what is known of the provider. */
const entries: Shown[] = pageOf('docs/providers.md')
  .split(/^#### /m)
  .slice(1)
  .map((part) => {
    const [, title = '', json = '', text = ''] =
      /^(.+)\n+```json\n([^]+?)```\n([^]*)/.exec(part) ?? [];
    return { title, json, text: text.split(/^## /m)[0] ?? '' };
  });

describe('the entries for well-known providers', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'provider-entries-'));
  });
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  it('are a dozen at least, each under a name of its own', () => {
    expect(entries.length).toBeGreaterThanOrEqual(12);
    const names = entries.map(({ json }) =>
      Object.keys((JSON.parse(json) as { providers: object }).providers),
    );
    expect(new Set(names.flat()).size).toBe(entries.length);
  });

  it.each(entries)('$title: is taken as it stands, and names its sources', ({ json, text }) => {
    // Only the secret is missing, which is where the entry says.
    const [, name = ''] = new RegExp(`"${SECRETS}([a-z]+)"`).exec(json) ?? [];
    writeFileSync(join(directory, name), 'a-secret\n');
    const file = join(directory, `${name}.json`);
    writeFileSync(file, json.replace(SECRETS, `${directory}/`));
    const reader = new EnvironmentReader({ NODE_ENV: 'production', OAUTH_PROVIDERS_FILE: file });
    const [provider, ...others] = readOAuthProviders(reader);
    reader.finish();
    expect(others).toEqual([]);
    expect(provider).toMatchObject({ name, clientSecrets: ['a-secret'] });
    // Both endpoints are given, or both are in the metadata.
    expect(provider?.authorizationEndpoint === undefined).toBe(
      provider?.tokenEndpoint === undefined,
    );
    expect(text).toMatch(/\]\(https:\/\//);
  });
});
