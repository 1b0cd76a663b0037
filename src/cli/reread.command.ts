import type { Command } from 'commander';
import { loadRereadConfig } from '../config/index.js';
import { Keyring, Sealer } from '../encryption/index.js';
import { HeldStore, TokenSealer } from '../grants/index.js';
import { PROVIDERS, ProviderHttp } from '../providers/index.js';
import { reread } from '../refresher/index.js';
import { print } from './output.js';
import { withSession } from './session.js';

/** `grants reread` */
export function addRereadCommand(grants: Command): void {
  grants
    .command('reread')
    .description('try to understand the kept answers of held grants with the code of today')
    .option('--json', 'print one JSON document')
    .action(async ({ json }: { json?: boolean }) => {
      const { database: connection, keyring, providers, ...times } = loadRereadConfig();
      // Nobody is called: what an answer says follows from it and from how the provider is set up.
      const known = PROVIDERS.flatMap(
        (make) => make(providers, () => new ProviderHttp(1, 1)) ?? [],
      );
      const result = await withSession(connection, ({ database }) =>
        reread({
          ...times,
          store: new HeldStore(database),
          sealer: new TokenSealer(new Sealer(new Keyring(keyring))),
          provider: (name) => known.find((each) => each.name === name),
        }),
      );
      print(json, result, [
        `${String(result.understood)} answer(s) understood, ${String(result.held)} grant(s) held.`,
      ]);
    });
}
