import type { KeyringError } from '../health/index.js';

/** What the variables of a listener should have been, by the error of listening. */
const EXPECTED: Readonly<Record<string, string>> = {
  EADDRINUSE: 'PORT: a free port (this one is in use)',
  EACCES: 'PORT: a port this user may listen on',
  EADDRNOTAVAIL: 'HOST: an address of this machine',
  ENOTFOUND: 'HOST: an address, or a name that resolves to one',
  EAI_AGAIN: 'HOST: an address, or a name that resolves to one',
};

/** A start that cannot succeed: one line for each variable, its name and what is expected of it. */
export class StartError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'StartError';
  }

  static ofKeyring({ problems }: KeyringError): StartError {
    const lines = problems.map(({ kind, id, rows }) =>
      kind === 'missing'
        ? `VAULT_KEYRING: key ${id}, still in use by ${rows} row(s), is missing`
        : `VAULT_KEYRING: key ${id}, which ${rows} row(s) name, opens none of them`,
    );
    return new StartError(lines.join('\n'));
  }

  /**
   * @param prefix what the variables of the listener begin with
   * @returns undefined for what is not the configuration's fault
   */
  static ofListener(prefix: string, error: unknown): StartError | undefined {
    const { code = '' } = error as NodeJS.ErrnoException;
    const expected = EXPECTED[code];
    return expected === undefined ? undefined : new StartError(`${prefix}${expected}`);
  }
}
