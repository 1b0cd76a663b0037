import { startStitchConnect } from './stitch-connect/index.js';
import type { StitchConnectOptions, StitchConnectSandbox } from './stitch-connect/index.js';
import { startStitchMoney } from './stitch-money/index.js';
import type { StitchMoneyOptions, StitchMoneySandbox } from './stitch-money/index.js';

export { challengeOf } from './stitch-money/codes.js';
export { startStitchConnect } from './stitch-connect/index.js';
export { startStitchMoney } from './stitch-money/index.js';
export type {
  AccountChoice,
  StitchConnectOptions,
  StitchConnectSandbox,
} from './stitch-connect/index.js';
export type { SavedAccounts } from './stitch-connect/accounts.js';
export type {
  ConsentChoice,
  MintedGrant,
  StitchMoneyOptions,
  StitchMoneySandbox,
} from './stitch-money/index.js';
export type { SavedGrants } from './stitch-money/saved-grants.js';
export type { StitchMoneySwitches } from './stitch-money/switches.js';

export interface SandboxOptions {
  stitchMoney?: StitchMoneyOptions;
  stitchConnect?: StitchConnectOptions;
  /** For both, unless one has its own. Milliseconds since 1970. */
  now?: () => number;
  random?: () => number;
  recordIssued?: boolean;
  onChange?: () => void;
}

export interface Sandbox {
  readonly stitchMoney: StitchMoneySandbox;
  readonly stitchConnect: StitchConnectSandbox;
  close(): Promise<void>;
}

/** Starts both Stitch systems on 127.0.0.1. @throws EADDRINUSE when a given port is taken. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { stitchMoney: money, stitchConnect: connect, ...common } = options;
  const stitchMoney = await startStitchMoney({ ...common, ...money });
  try {
    const stitchConnect = await startStitchConnect({ ...common, ...connect });
    const close = async () => {
      await Promise.all([stitchMoney.close(), stitchConnect.close()]);
    };
    return { stitchMoney, stitchConnect, close };
  } catch (error) {
    await stitchMoney.close();
    throw error;
  }
}
