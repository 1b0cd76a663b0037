import { createConnectWorld } from '../support/connect-world.js';
import type { ConnectWorld } from '../support/connect-world.js';
import { CookieBrowser } from '../support/cookie-browser.js';
import { begin } from '../support/requests.js';
import { createClient } from '../support/vault.js';
import { controllerRoutes, exampleTarget } from '../security/routes.js';
import type { Route } from '../security/routes.js';
import { ApiSchema } from './api-schema.js';
import type { ApiDescription } from './api-schema.js';

/** What the public listener serves (contract), seen from outside. */
const PUBLIC = ['GET /authorize/{id}', 'GET /callback/{provider}'];
const RETURN_TO = 'https://app.example.com/linked';

describe('the API description', () => {
  let world: ConnectWorld;
  let schema: ApiSchema;
  let routes: Route[];
  let text: string;
  const browser = new CookieBrowser();
  /** Operations that were seen to succeed. */
  const succeeded = new Set<string>();
  beforeAll(async () => {
    world = await createConnectWorld({
      replicas: 1,
      environment: { REFRESH_POLICY: 'on-demand', RETURN_URL_ALLOWLIST: new URL(RETURN_TO).origin },
    });
    const answer = await world.vault.request('/openapi.json');
    text = await answer.text();
    schema = new ApiSchema(JSON.parse(text) as ApiDescription);
    // What the console loads is the page's own.
    routes = controllerRoutes(world.vault.app).filter(({ path }) => !path.startsWith('/console'));
  });
  afterAll(() => world.close());

  const nameOf = ({ method, path }: Route) => `${method} ${path.replaceAll(/:([a-z_]+)/g, '{$1}')}`;

  /** Calls, and compares the answer with the description of the operation. */
  async function check(
    status: number,
    name: string,
    path: string,
    body?: unknown,
    key = world.key,
  ) {
    const answer = await world.vault.request(path, {
      key,
      method: name.split(' ')[0],
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return compare(status, name, path, answer);
  }

  /** As {@link check}, of what a browser opens. */
  const browse = async (status: number, name: string, url: string) =>
    compare(status, name, url, await browser.open(url));

  async function compare(status: number, name: string, path: string, answer: Response) {
    const content = await answer.text();
    expect({ name, path, status: answer.status, content }).toMatchObject({ status });
    const type = answer.headers.get('content-type');
    expect(schema.problemsOf(name, answer.status, type, content)).toEqual([]);
    if (status < 400) succeeded.add(name);
    return content;
  }

  it('is OpenAPI 3.1 without a word of 3.0', () => {
    const description = JSON.parse(text) as ApiDescription;
    expect(description.openapi).toMatch(/^3\.1\.\d+$/);
    expect(text).not.toMatch(/"nullable"|"exclusiveM(in|ax)imum":(true|false)/);
    const ids = schema.operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('shows each problem by an example of its own, which is what its answer describes', () => {
    interface Described {
      readonly description: string;
      readonly content?: Readonly<
        Record<string, { examples?: Record<string, { value: { status: number; code: string } }> }>
      >;
    }
    const { paths } = JSON.parse(text) as {
      paths: Record<string, Record<string, { responses?: Record<string, Described> }>>;
    };
    const answers = Object.values(paths)
      .flatMap((operations) => Object.values(operations))
      .flatMap(({ responses = {} }) => Object.entries(responses));
    const codes = new Set<string>();
    for (const [status, { description, content }] of answers) {
      const examples = content?.['application/problem+json']?.examples;
      if (!examples) continue;
      expect({ description, examples: Object.keys(examples) }).not.toEqual({
        description,
        examples: [],
      });
      for (const [code, { value }] of Object.entries(examples)) {
        expect(value).toMatchObject({ status: Number(status), code });
        expect(description).toContain(`\`${code}\``);
        codes.add(code);
      }
    }
    expect(codes.size).toBeGreaterThan(12);
  });

  it('describes every route there is, and none that is not', () => {
    const described = schema.operations.map(({ name }) => name);
    // A HEAD is its GET without the text.
    const told = routes.filter(({ method }) => method !== 'HEAD');
    expect(described.sort()).toEqual([...told.map(nameOf), ...PUBLIC].sort());
  });

  it('says that the paths for browsers are on the public listener, and no other', () => {
    for (const { name, servers, security } of schema.operations) {
      const elsewhere = PUBLIC.includes(name);
      expect({ name, servers }).toEqual({
        name,
        servers: elsewhere ? [world.environment.PUBLIC_URL] : [],
      });
      if (elsewhere) expect(security).toBeUndefined();
    }
  });

  it('refers to nothing that is missing, and describes every path parameter', () => {
    const { components } = JSON.parse(text) as ApiDescription;
    const references = [...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)];
    expect(references.length).toBeGreaterThan(0);
    for (const [, name = ''] of references) expect(components.schemas).toHaveProperty([name]);
    for (const { name, parameters = [] } of schema.operations) {
      const inPath = [...name.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter);
      expect(parameters.filter((each) => each.in === 'path').map((each) => each.name)).toEqual(
        inPath,
      );
    }
  });

  it('says which routes need a key', () => {
    for (const route of routes) {
      const operation = schema.operations.find(({ name }) => name === nameOf(route));
      expect({ ...route, secured: operation?.security !== undefined }).toEqual({
        ...route,
        secured: route.scope !== 'open',
      });
    }
  });

  it('describes the refusals of every route that needs a key', async () => {
    for (const route of routes.filter(({ scope }) => scope !== 'open')) {
      const other = route.scope === 'tokens:read' ? 'tokens:write' : 'tokens:read';
      const key = await createClient(world.database.url, [other]);
      await check(401, nameOf(route), exampleTarget(route), undefined, 'wrong');
      await check(403, nameOf(route), exampleTarget(route), undefined, key);
      const { responses } = schema.operations.find(({ name }) => name === nameOf(route))!;
      expect({ ...route, responses }).toHaveProperty('responses.429.description');
    }
  });

  it('is kept by the answers about links', async () => {
    const create = 'POST /authorization-requests';
    const begun = await check(201, create, '/authorization-requests', { user_id: 'ann' });
    const { id } = JSON.parse(begun) as { id: string };
    await check(400, create, '/authorization-requests', { user_id: '', scopes: 3 });
    await check(400, create, '/authorization-requests', [{}]);
    const status = 'GET /authorization-requests/{id}';
    await check(200, status, `/authorization-requests/${id}`);
    await check(404, status, '/authorization-requests/00000000-0000-4000-8000-000000000000');
    await check(400, status, '/authorization-requests/1');
    const list = 'GET /authorization-requests';
    await check(200, list, '/authorization-requests?user_id=ann');
    await check(400, list, '/authorization-requests');
    await world.link('bob', { cancel: true });
    const rows = await world.database.query<{ id: string }>(
      `SELECT id FROM stitch_authorization_requests WHERE user_id = 'bob'`,
    );
    const denied = await check(200, status, `/authorization-requests/${rows[0]?.id ?? ''}`);
    expect(JSON.parse(denied)).toMatchObject({ status: 'denied', error: 'access_denied' });
  });

  it('is kept by the answers about confirmations', async () => {
    const confirm = 'POST /authorization-requests/{id}/confirm';
    for (const [user, status] of [
      ['cat', 200],
      ['another', 409],
    ] as const) {
      const begun = await check(201, 'POST /authorization-requests', '/authorization-requests', {
        user_id: 'cat',
        confirm: true,
      });
      const { id, authorization_url } = JSON.parse(begun) as Record<string, string>;
      const path = `/authorization-requests/${id ?? ''}/confirm`;
      await check(409, confirm, path, { user_id: 'cat' });
      await fetch(await world.sandbox.consent(authorization_url ?? ''));
      await check(status, confirm, path, { user_id: user });
    }
    await check(400, confirm, '/authorization-requests/1/confirm', { user_id: 'cat' });
    const unknown = '00000000-0000-4000-8000-000000000000';
    await check(404, confirm, `/authorization-requests/${unknown}/confirm`, { user_id: 'cat' });
  });

  it('is kept by the answers about tokens', async () => {
    const read = 'GET /tokens/{user_id}';
    const reject = 'POST /tokens/{user_id}/rejections';
    await world.link('ann');
    await check(200, read, '/tokens/ann');
    await check(200, reject, '/tokens/ann/rejections', { version: 1 });
    await check(200, reject, '/tokens/ann/rejections', { version: 1 });
    await check(400, reject, '/tokens/ann/rejections', { version: 'one' });
    await check(404, reject, '/tokens/nobody/rejections', { version: 1 });
    const client = 'GET /client-tokens/{provider}';
    await check(200, client, '/client-tokens/stitch-money?scope=client_x');
    await check(400, client, '/client-tokens/stitch-money');
    await check(404, client, '/client-tokens/stitch-connect?scope=client_x');
    await check(400, read, '/tokens/ann?min_ttl=x');
    await check(403, read, '/tokens/ann?scope=more');
    await check(404, read, '/tokens/nobody');
    await world.age('ann', 1000);
    world.sandbox.switches.down = true;
    await check(503, read, '/tokens/ann');
    world.sandbox.switches.down = false;
    await world.link('eve', { untick: ['offline_access'] });
    await check(409, reject, '/tokens/eve/rejections', { version: 1 });
    await check(409, read, '/tokens/eve');
    await check(204, 'DELETE /tokens/{user_id}', '/tokens/ann');
    await check(400, 'DELETE /tokens/{user_id}', '/tokens/ann?provider=x');
  });

  it('is kept by the answers about users', async () => {
    await world.link('uma');
    const [list, erase] = ['GET /users/{user_id}/grants', 'DELETE /users/{user_id}'];
    const grants = await check(200, list, '/users/uma/grants');
    expect(JSON.parse(grants)).toMatchObject({ items: [{ provider: 'stitch-money' }] });
    await check(200, list, '/users/nobody/grants');
    await check(400, list, '/users/%20/grants');
    await check(204, erase, '/users/uma');
    await check(400, erase, '/users/%20');
  });

  it('is kept by the list of grants', async () => {
    await world.link('amy');
    await world.link('zoe', { untick: ['offline_access'] });
    const page = await check(200, 'GET /grants', '/grants?limit=1');
    const { next_cursor } = JSON.parse(page) as { next_cursor: string };
    await check(200, 'GET /grants', `/grants?cursor=${encodeURIComponent(next_cursor)}`);
    await check(400, 'GET /grants', '/grants?limit=0&status=x&cursor=x');
  });

  it('is kept by the log of events', async () => {
    await world.link('max');
    const page = await check(200, 'GET /events', '/events?limit=1');
    const { next_cursor } = JSON.parse(page) as { next_cursor: string };
    await check(200, 'GET /events', `/events?after=${next_cursor}`);
    await check(400, 'GET /events', '/events?limit=0&after=x');
  });

  it('is kept by the audit', async () => {
    const page = await check(200, 'GET /audit', '/audit?limit=1');
    const { next_cursor } = JSON.parse(page) as { next_cursor: string };
    await check(200, 'GET /audit', `/audit?after=${next_cursor}&client=operator&type=token.read`);
    await check(400, 'GET /audit', '/audit?limit=0&after=x&type=y');
  });

  it('is kept by the answers of stitch-connect', async () => {
    const [accounts, sessions] = ['POST /stitch-connect/accounts', 'POST /stitch-connect/sessions'];
    const account = {
      user_id: 'dan',
      first_name: 'Dan',
      last_name: 'D',
      company: 'C',
      email: 'dan@example.com',
    };
    await check(400, accounts, '/stitch-connect/accounts', { ...account, region: 'moon' });
    await check(201, accounts, '/stitch-connect/accounts', account);
    await check(409, accounts, '/stitch-connect/accounts', account);
    await check(201, sessions, '/stitch-connect/sessions', { user_id: 'dan' });
    await check(404, sessions, '/stitch-connect/sessions', { user_id: 'nobody' });
    await check(400, sessions, '/stitch-connect/sessions', {});
    await check(200, 'GET /tokens/{user_id}', '/tokens/dan?provider=stitch-connect');
  });

  it('is kept by what browsers are answered', async () => {
    const { publicUrl } = world.vault;
    const [start, callback] = ['GET /authorize/{id}', 'GET /callback/{provider}'];
    const begun = await world.beginConnect({ user_id: 'flo' });
    await browse(303, start, begun.authorization_url);
    await browse(400, start, `${publicUrl}/authorize/1`);
    const linked = await world.consent(browser, begun.authorization_url);
    await browse(200, callback, linked);
    await browse(400, callback, `${linked}x`);
    await browse(404, callback, `${publicUrl}/callback/nobody`);
    const returning = await begin(world, { user_id: 'flo', return_to: RETURN_TO });
    await browse(303, callback, await world.sandbox.consent(returning.authorization_url));
    const unlucky = await begin(world, { user_id: 'flo' });
    const late = await world.sandbox.consent(unlucky.authorization_url);
    world.sandbox.switches.down = true;
    await browse(502, callback, late);
    world.sandbox.switches.down = false;
  });

  it('is kept by the answers about the vault itself', async () => {
    for (const path of ['/health/live', '/health/ready', '/metrics']) {
      await check(200, `GET ${path}`, path);
    }
  });

  it('has no operation whose success was not compared with it here', () => {
    const described = schema.operations.map(({ name }) => name);
    expect(described.filter((name) => !succeeded.has(name))).toEqual([]);
  });

  it('comes with a page to try it', async () => {
    const answer = await world.vault.request('/docs');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toContain('text/html');
    expect(await answer.text()).toContain('swagger-ui');
  });
});
