import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { generateKey } from '../encryption/index.js';
import { print } from './output.js';

interface Options {
  id?: string;
  json?: boolean;
}

/** `keys generate` */
export function addKeyCommands(program: Command): void {
  const keys = program.command('keys').description('keys for VAULT_KEYRING');
  keys
    .command('generate')
    .description('print a new key as id:base64; put it into VAULT_KEYRING, see docs/operations.md')
    .option('--id <id>', 'the key id, 1 to 64 of A-Z a-z 0-9 . _ -', keyId)
    .option('--json', 'print one JSON document')
    .action(({ id, json }: Options) => {
      const key = generateKey(id);
      print(json, { key, id: key.slice(0, key.indexOf(':')) }, [key]);
    });
}

function keyId(text: string): string {
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(text)) {
    throw new InvalidArgumentError('It must be 1 to 64 of A-Z a-z 0-9 . _ -');
  }
  return text;
}
