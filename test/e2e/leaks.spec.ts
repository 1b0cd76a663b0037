import { bytesAsText, disguises, findNeedles } from '../support/needles.js';
import { runLeakRound } from './leak-round.js';
import type { LeakRound } from './leak-round.js';

/** The one place where a state belongs. */
const STATE_COLUMN = 'stitch_authorization_requests.stitch_state';

describe('nothing secret is left behind by links, reads, rotations and their failures', () => {
  let round: LeakRound;
  beforeAll(async () => {
    round = await runLeakRound();
  }, 120_000);

  const needlesOf = (kind: string) => round.needles.filter((needle) => needle.kind === kind);
  const textOf = (haystacks: LeakRound['dump']) => haystacks.map(({ text }) => text).join('\n');

  it.each([
    ['access_token', 20],
    ['refresh_token', 20],
    ['id_token', 20],
    ['code', 15],
    ['code_verifier', 15],
    ['nonce', 15],
    ['state', 15],
    ['client_secret', 2],
    ['api_key', 3],
    ['keyring', 3],
  ])('looks for every %s, and there are %i at least', (kind, least) => {
    const values = needlesOf(kind).map(({ value }) => value);
    expect(new Set(values).size).toBeGreaterThanOrEqual(least);
    expect(Math.min(...values.map((value) => value.length))).toBeGreaterThanOrEqual(32);
  });

  it('would find a secret in each disguise, and inside of bytes', () => {
    const [needle] = needlesOf('refresh_token');
    for (const look of disguises(needle!.value)) {
      expect(findNeedles([needle!], [{ name: 'there', text: `a${look}b` }])).toHaveLength(1);
    }
    const bytes = Buffer.concat([Buffer.from([0xff, 0]), Buffer.from(needle!.value)]);
    expect(findNeedles([needle!], [{ name: 'there', text: bytesAsText(bytes) }])).toHaveLength(1);
  });

  it('leaves none in the database, states in their column apart', () => {
    const others = round.dump.filter(({ name }) => name !== STATE_COLUMN);
    expect(findNeedles(round.needles, others)).toEqual([]);
    const states = round.dump.filter(({ name }) => name === STATE_COLUMN);
    expect(findNeedles(needlesOf('state'), states)).toEqual([`state in ${STATE_COLUMN}`]);
    const rest = round.needles.filter(({ kind }) => kind !== 'state');
    expect(findNeedles(rest, states)).toEqual([]);
  });

  it('dumped the tables that matter, with rows in them', () => {
    const filled = round.dump.filter(({ text }) => text.length > 0).map(({ name }) => name);
    expect(filled).toEqual(
      expect.arrayContaining([
        'service_clients.key_hash',
        'stitch_authorization_requests.code_verifier',
        'stitch_authorization_requests.nonce',
        'stitch_grants.access_token',
        'stitch_grants.refresh_token',
        'stitch_unconfirmed_grants.access_token',
        'stitch_unconfirmed_grants.refresh_token',
      ]),
    );
  });

  it('writes none into the log, at its most talkative', () => {
    expect(findNeedles(round.needles, round.logs)).toEqual([]);
    for (const { text } of round.logs) {
      const events = new Set([...text.matchAll(/"event":"([^"]+)"/g)].map(([, event]) => event));
      expect(events).toContain('http.request');
      expect(events).toContain('nest');
    }
    for (const event of [
      'grant.linked',
      'grant.rotated',
      'grant.rotation_failed',
      'authorization_request.exchange_failed',
    ]) {
      expect(textOf(round.logs)).toContain(`"event":"${event}"`);
    }
  });

  it('tells none in an error, a page or a redirect', () => {
    expect(findNeedles(round.needles, round.answers)).toEqual([]);
    const statuses = new Set(round.answers.map(({ name }) => Number(name.slice(-3))));
    expect([...statuses].sort()).toEqual(
      expect.arrayContaining([200, 303, 400, 401, 403, 404, 502, 503]),
    );
    expect([...statuses]).not.toContain(500);
  });

  it('shows none in the metrics', () => {
    expect(findNeedles(round.needles, round.metrics)).toEqual([]);
    for (const { text } of round.metrics) expect(text).toContain('stitch_vault_');
  });

  it('spools none in the clear', () => {
    const names = round.spool.map(({ name }) => name);
    expect(names).toContainEqual(expect.stringMatching(/\.journal$/));
    expect(findNeedles(round.needles, round.spool)).toEqual([]);
    expect(textOf(round.spool)).not.toContain('leak-spooled');
  });
});
