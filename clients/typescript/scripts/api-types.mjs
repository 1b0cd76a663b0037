/**
 * The types of what the client sends and gets, from the vault's API description:
 * `curl -s http://127.0.0.1:3000/openapi.json | node scripts/api-types.mjs > src/api.ts`.
 * A test compares src/api.ts with the description of the vault as it is now.
 */
import { compile } from 'json-schema-to-typescript';
import { text } from 'node:stream/consumers';

/** Names of the client, by those of the description. */
const NAMES = { TokenDto: 'Token', ProblemDto: 'Problem', RejectionDto: 'Rejection' };

const { components } = JSON.parse(await text(process.stdin));
const types = [];
for (const [described, name] of Object.entries(NAMES)) {
  const schema = components.schemas[described];
  if (!schema) throw new Error(`the description has no ${described}`);
  // Without it the compiler would allow further members of any kind.
  const closed = { ...schema, additionalProperties: false };
  types.push(
    await compile(closed, name, {
      bannerComment: '',
      style: { singleQuote: true, printWidth: 100 },
    }),
  );
}
process.stdout.write(
  `// Generated from the vault's /openapi.json by scripts/api-types.mjs: change it there.\n\n${types.join('\n')}`,
);
