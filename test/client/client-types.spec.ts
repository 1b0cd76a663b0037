import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createWorld } from '../support/world.js';

const TYPES = 'clients/typescript/src/api.ts';

/** `UPDATE_CLIENT_TYPES=1 npm test -- client-types` writes the types anew. */
describe('the types of the client', () => {
  it('are those of the vault’s API description', async () => {
    const world = await createWorld();
    const description = await (await world.vault.request('/openapi.json')).text();
    await world.close();
    const types = execFileSync(process.execPath, ['clients/typescript/scripts/api-types.mjs'], {
      input: description,
      encoding: 'utf8',
    });
    if (process.env.UPDATE_CLIENT_TYPES) writeFileSync(TYPES, types);
    expect(readFileSync(TYPES, 'utf8')).toBe(types);
  });
});
