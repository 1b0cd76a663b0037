import { Demo } from './demo.js';
import { commandsOf, shapeOf } from './page.js';

/** Every block of these pages that is marked `sh` runs beside `npm start`, and answers as shown. */
const PAGES = [
  ...['README.md', 'docs/reading.md', 'docs/linking.md', 'docs/operations.md'],
  'docs/providers.md',
];

describe('the commands of the docs', () => {
  const demo = new Demo();
  beforeAll(() => demo.start(), 120_000);
  afterAll(() => demo.stop());

  it.each(PAGES)('of %s run as they stand', async (page) => {
    const commands = commandsOf(page);
    expect(commands).not.toEqual([]);
    for (const { text, browser, shown } of commands) {
      const output = await demo.command(text);
      if (shown?.text.startsWith('HTTP/')) {
        const [line] = shown.text.split('\n');
        expect({ text, output: output.split(/\r?\n/)[0] }).toEqual({ text, output: line });
        continue;
      }
      const answer = output === '' ? undefined : (JSON.parse(output) as Record<string, string>);
      if (shown) {
        expect({ text, shape: shapeOf(answer) }).toEqual({
          text,
          shape: shapeOf(JSON.parse(shown.text)),
        });
      } else expect({ text, code: answer?.code }).toEqual({ text, code: undefined });
      // The page says that $ID is the id of the answer before.
      if (answer?.id !== undefined) await demo.command(`ID=${answer.id}`);
      if (browser) {
        const end = await demo.consent(answer?.authorization_url ?? '');
        expect({ text, end: end.status }).toEqual({ text, end: 200 });
      }
    }
  });

  it('of examples/README.md list bank accounts, also with a token that the API refuses', async () => {
    await demo.startExample();
    const [first, second] = commandsOf('examples/README.md');
    const accounts = (JSON.parse(await demo.command(first!.text)) as unknown[]).map(shapeOf);
    const [shown] = JSON.parse(first!.shown!.text) as unknown[];
    expect(accounts).toEqual([shapeOf(shown), shapeOf(shown)]);
    const before = demo.output;
    const again = JSON.parse(await demo.command(second!.text)) as unknown[];
    expect(again.map(shapeOf)).toEqual(accounts);
    expect(demo.output.slice(before.length)).toContain('rotated demo-user');
    const nobody = await demo.command('curl -s http://127.0.0.1:4100/nobody');
    expect(JSON.parse(nobody)).toEqual({ error: 'token_not_found' });
  });

  it('find a key that does all they show', async () => {
    const events = await demo.command(
      `curl -s -H "Authorization: Bearer $(cat .data/demo-api-key)" "http://127.0.0.1:3000/events?limit=1"`,
    );
    expect(JSON.parse(events)).toMatchObject({ items: [{ type: 'grant.linked' }] });
    const deleted = await demo.command(
      `curl -si -X DELETE -H "Authorization: Bearer $(cat .data/demo-api-key)" http://127.0.0.1:3000/tokens/alice`,
    );
    expect(deleted).toMatch(/^HTTP\/1\.1 204/);
  });
});
