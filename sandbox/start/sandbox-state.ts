import { startSandbox } from '../index.js';
import type { Sandbox, SavedAccounts, SavedGrants } from '../index.js';
import { Complaint } from './complaint.js';
import { DEMO_BANK } from './configured-provider.js';
import type { DataDirectory } from './data-directory.js';
import { choosePort } from './ports.js';

const FILE = 'sandbox.json';

/** Changes that come together are written together, this long after the first. */
const WRITE_AFTER_MS = 100;

interface Saved {
  readonly stitchMoney?: SavedGrants;
  readonly stitchConnect?: SavedAccounts;
}

/**
 * The sandbox of `npm start`: on the same ports as last time where they are free, and with the
 * grants of last time, so that the demo user's refresh token still works.
 */
export async function startKeptSandbox(
  data: DataDirectory,
  publicUrl: string,
  tokenLifetime: number,
): Promise<Sandbox> {
  const saved = (data.readJson(FILE) ?? {}) as Saved;
  let pending: NodeJS.Timeout | undefined;
  const save = () => {
    clearTimeout(pending);
    pending = undefined;
    const { stitchMoney, stitchConnect } = sandbox;
    const state = { stitchMoney: stitchMoney.save(), stitchConnect: stitchConnect.save() };
    data.write(FILE, JSON.stringify(state));
  };
  const common = {
    recordIssued: false,
    onChange: () => {
      pending ??= setTimeout(save, WRITE_AFTER_MS);
    },
  };
  const moneyPort = await portFor(data, 'stitch-money', 4001);
  const connectPort = await portFor(data, 'stitch-connect', 4002);
  const sandbox = await begin(() =>
    startSandbox({
      ...common,
      stitchMoney: {
        port: moneyPort,
        saved: saved.stitchMoney,
        redirectUris: ['stitch-money', DEMO_BANK].map((name) => `${publicUrl}/callback/${name}`),
        switches: { tokenLifetime },
      },
      stitchConnect: {
        port: connectPort,
        saved: saved.stitchConnect,
        redirectUris: [`${publicUrl}/callback/stitch-connect`],
      },
    }),
  );
  return {
    ...sandbox,
    close: async () => {
      await sandbox.close();
      save();
    },
  };
}

async function begin(start: () => Promise<Sandbox>): Promise<Sandbox> {
  try {
    return await start();
  } catch (error) {
    // Fields that are missing or of another kind than this version writes.
    if (error instanceof TypeError) {
      throw new Complaint(`.data/${FILE} is damaged: delete it, or all of .data to begin afresh.`);
    }
    throw error;
  }
}

async function portFor(data: DataDirectory, name: string, first: number): Promise<number> {
  const wanted = data.rememberedPort(name, first);
  const port = await choosePort(wanted);
  if (port !== wanted) console.log(`Port ${wanted} is in use: the ${name} sandbox takes ${port}.`);
  data.rememberPort(name, port);
  return port;
}
