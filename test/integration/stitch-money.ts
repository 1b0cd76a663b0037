import { randomBytes } from 'node:crypto';
import { loadConfig } from '../../src/config/index.js';
import type { CodeExchange } from '../../src/providers/index.js';
import { ProviderHttp } from '../../src/providers/provider-http.js';
import { StitchMoneyProvider } from '../../src/providers/stitch-money/stitch-money.provider.js';
import { challengeOf, startStitchMoney } from '../../sandbox/index.js';
import type { ConsentChoice, StitchMoneySandbox } from '../../sandbox/index.js';
import { vaultEnvironment } from '../support/vault.js';

const REDIRECT_URI = 'http://127.0.0.1:3001/callback/stitch-money';
export const SCOPES = ['openid', 'accounts', 'offline_access'];
export const random = () => randomBytes(32).toString('base64url');

/** The provider stitch-money and the strict sandbox that it talks to. */
export interface StitchMoney {
  readonly sandbox: StitchMoneySandbox;
  /** The provider, configured for the sandbox but for what is given. */
  readonly provider: (change?: Record<string, string>) => Promise<StitchMoneyProvider>;
  /** Consents in the browser, up to the code. */
  readonly consent: (choice?: ConsentChoice) => Promise<CodeExchange>;
}

/** Starts the sandbox for the tests of the calling block, and resets it after each. */
export function useStitchMoney(): StitchMoney {
  let sandbox: StitchMoneySandbox;
  const http = new ProviderHttp(8000, 40);
  beforeAll(async () => {
    sandbox = await startStitchMoney({ redirectUris: [REDIRECT_URI] });
  });
  afterEach(() => {
    sandbox.clientSecrets.splice(0, Infinity, 'sandbox-client-secret');
    sandbox.reset();
  });
  afterAll(async () => {
    await http.close();
    await sandbox.close();
  });

  const provider = async (change: Record<string, string> = {}) => {
    const environment = await vaultEnvironment({
      DATABASE_URL: 'postgres://127.0.0.1/unused',
      STITCH_MONEY_ISSUER: sandbox.url,
      STITCH_MONEY_CLIENT_ID: sandbox.clientId,
      STITCH_MONEY_CLIENT_SECRET: sandbox.clientSecret,
      STITCH_MONEY_JWKS_URI: `${sandbox.url}/connect/jwks`,
    });
    return new StitchMoneyProvider(
      loadConfig({ ...environment, ...change }).providers.stitchMoney!,
      http,
    );
  };
  const consent = async (choice?: ConsentChoice): Promise<CodeExchange> => {
    const [state, nonce, codeVerifier] = [random(), random(), random()];
    const url = await (
      await provider()
    ).authorizationUrl({
      redirectUri: REDIRECT_URI,
      state,
      nonce,
      codeChallenge: challengeOf(codeVerifier),
      scopes: SCOPES,
      prefill: {},
    });
    const callback = new URL(await sandbox.consent(url, choice)).searchParams;
    const code = callback.get('code') ?? '';
    expect(callback.get('state')).toBe(state);
    return { redirectUri: REDIRECT_URI, code, state, nonce, codeVerifier, scopes: SCOPES };
  };
  return {
    get sandbox() {
      return sandbox;
    },
    provider,
    consent,
  };
}
