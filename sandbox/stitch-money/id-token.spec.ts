import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { halfHash } from './id-token.js';
import { startStitchMoney } from './index.js';
import type { StitchMoneySandbox } from './index.js';
import { MoneyClient, TestClock } from '../testing/client.js';
import type { IdTokenFault } from './switches.js';

describe('stitch.money id_token', () => {
  const clock = new TestClock();
  let server: StitchMoneySandbox;
  let client: MoneyClient;

  beforeAll(async () => {
    server = await startStitchMoney({ now: clock.now });
  });
  beforeEach(() => {
    server.reset();
    client = new MoneyClient(server);
  });
  afterAll(() => server.close());

  const linked = async () => {
    const { json } = await client.exchange(await client.code({ bank: 'absa', customer: 'Thandi' }));
    return { accessToken: String(json.access_token), idToken: String(json.id_token), json };
  };
  const verify = (idToken: string) =>
    jwtVerify(idToken, createRemoteJWKSet(new URL(`${server.url}/connect/jwks`)), {
      issuer: server.url,
      audience: server.clientId,
      algorithms: ['RS256'],
      currentDate: new Date(clock.now()),
    });

  it('computes the at_hash of the sample in OpenID Connect Core, appendix A.3', () => {
    expect(halfHash('jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y')).toBe('77QmUPtjPfzWtF2AnpK9RQ');
  });

  it('is signed with a published key and has every claim of the sample (S3)', async () => {
    const { accessToken, idToken } = await linked();
    const { payload, protectedHeader } = await verify(idToken);
    expect(protectedHeader.alg).toBe('RS256');
    expect(Object.keys(payload).sort()).toEqual(
      [
        ...['iss', 'aud', 'nonce', 'iat', 'nbf', 'exp', 'at_hash', 's_hash', 'sid', 'sub'],
        ...['auth_time', 'idp', 'amr'],
      ].sort(),
    );
    expect(payload).toMatchObject({
      nonce: client.nonce,
      at_hash: halfHash(accessToken),
      s_hash: halfHash(client.state),
      iat: clock.now() / 1000,
      exp: clock.now() / 1000 + 300,
      auth_time: clock.now() / 1000,
    });
    expect(payload.sub).toMatch(new RegExp(`^user/${server.clientId}/absa/[0-9a-f-]{36}$`));
  });

  it('names the same person again after a second consent', async () => {
    const subject = async () => decodeJwt((await linked()).idToken).sub;
    expect(await subject()).toBe(await subject());
  });

  it('comes with a refresh without nonce and s_hash (I)', async () => {
    const { json } = await linked();
    const first = decodeJwt(String(json.id_token));
    const refreshed = await client.refresh(json.refresh_token);
    const { payload } = await verify(String(refreshed.json.id_token));
    expect(payload).not.toHaveProperty('nonce');
    expect(payload).not.toHaveProperty('s_hash');
    expect(payload).toMatchObject({ sub: first.sub, sid: first.sid, auth_time: first.auth_time });
    expect(payload.at_hash).toBe(halfHash(String(refreshed.json.access_token)));
  });

  it('does not come with a refresh when told so', async () => {
    server.switches.idTokenOnRefresh = false;
    const { json } = await client.refresh(server.mint().refreshToken);
    expect(json).not.toHaveProperty('id_token');
  });

  it.each<[IdTokenFault, RegExp]>([
    ['wrong_issuer', /"iss" claim/],
    ['wrong_audience', /"aud" claim/],
    ['bad_signature', /signature verification failed/],
    ['expired', /"exp" claim/],
    ['alg_none', /"alg"|alg/],
  ])('does not verify with %s', async (fault, message) => {
    server.switches.idTokenFault = fault;
    const { idToken } = await linked();
    await expect(verify(idToken)).rejects.toThrow(message);
  });

  it('verifies with wrong_nonce, but the nonce is another', async () => {
    server.switches.idTokenFault = 'wrong_nonce';
    const { payload } = await verify((await linked()).idToken);
    expect(payload.nonce).not.toBe(client.nonce);
    expect(payload.nonce).toHaveLength(43);
  });

  it('verifies with wrong_authorized_party, but it was issued to another', async () => {
    server.switches.idTokenFault = 'wrong_authorized_party';
    const { payload } = await verify((await linked()).idToken);
    expect(payload).toMatchObject({ aud: server.clientId, azp: 'another-client' });
  });

  it('verifies with bad_at_hash, but the hash is another', async () => {
    server.switches.idTokenFault = 'bad_at_hash';
    const { accessToken, idToken } = await linked();
    expect((await verify(idToken)).payload.at_hash).not.toBe(halfHash(accessToken));
  });

  it('is unsigned with alg_none and absent with missing', async () => {
    server.switches.idTokenFault = 'alg_none';
    expect(decodeProtectedHeader((await linked()).idToken).alg).toBe('none');
    server.switches.idTokenFault = 'missing';
    expect((await linked()).json).not.toHaveProperty('id_token');
  });
});
