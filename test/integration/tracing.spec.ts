import { createServer } from 'node:http';
import type { IncomingHttpHeaders, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { metric } from '../support/metrics.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { TokenAnswer, World } from '../support/world.js';

interface Attribute {
  key: string;
  value: { stringValue?: string; intValue?: string };
}
interface ReceivedSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: Attribute[];
}

/** A collector that takes OTLP/HTTP, and a provider's revocation endpoint: both keep what they got. */
class Receiver {
  readonly bodies: string[] = [];
  readonly headers: IncomingHttpHeaders[] = [];
  readonly revocations: IncomingHttpHeaders[] = [];
  hangs = false;
  private readonly server: Server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      if (request.url === '/revocation') {
        this.revocations.push(request.headers);
        response.writeHead(200).end();
        return;
      }
      if (this.hangs) return;
      this.bodies.push(body);
      this.headers.push(request.headers);
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });

  async listen(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await new Promise((resolve) => this.server.once('listening', resolve));
    return `http://127.0.0.1:${String((this.server.address() as AddressInfo).port)}`;
  }

  get spans(): ReceivedSpan[] {
    return this.bodies.flatMap((body) => {
      const { resourceSpans } = JSON.parse(body) as {
        resourceSpans: { scopeSpans: { spans: ReceivedSpan[] }[] }[];
      };
      return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
    });
  }

  close(): void {
    this.server.close().closeAllConnections();
  }
}

describe('traces', () => {
  const receiver = new Receiver();
  let world: World;
  beforeAll(async () => {
    const url = await receiver.listen();
    world = await createWorld({
      environment: {
        OTEL_EXPORTER_OTLP_ENDPOINT: url,
        OTEL_EXPORTER_OTLP_HEADERS: 'x-collector-key=collector-secret-0123456789',
        OTEL_BSP_SCHEDULE_DELAY: '50',
        OTEL_BSP_MAX_QUEUE_SIZE: '20',
        STITCH_MONEY_REVOCATION_ENDPOINT: `${url}/revocation`,
        LOG_LEVEL: 'trace',
      },
    });
  });
  afterAll(async () => {
    receiver.close();
    await world.sandbox.close();
    await world.database.drop();
  });

  const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
  const CALLER = '00f067aa0ba902b7';
  const USER = 'traced-user-7f3a';

  it('tell of request, rotation, provider call and commit, in the trace of the caller', async () => {
    await world.link(USER);
    const first = (await (await world.read(USER)).json()) as TokenAnswer;
    const answer = await world.vault.request(`/tokens/${USER}/rejections`, {
      key: world.key,
      method: 'POST',
      body: JSON.stringify({ version: first.version }),
      headers: { traceparent: `00-${TRACE}-${CALLER}-01` },
    });
    expect(answer.status).toBe(200);
    const spans = await eventually('the request is told of', () => {
      const found = receiver.spans.filter(({ traceId }) => traceId === TRACE);
      return found.some(({ parentSpanId }) => parentSpanId === CALLER) ? found : undefined;
    });
    const one = (name: string) => {
      const found = spans.filter((span) => span.name === name);
      expect({ name, count: found.length }).toEqual({ name, count: 1 });
      return found[0]!;
    };
    const request = one('POST /tokens/:user_id/rejections');
    const rotation = one('rotation');
    expect(request.parentSpanId).toBe(CALLER);
    expect(rotation.parentSpanId).toBe(request.spanId);
    for (const name of ['provider call', 'commit']) {
      expect(one(name).parentSpanId).toBe(rotation.spanId);
    }
    const said = Object.fromEntries(
      rotation.attributes.map(({ key, value }) => [key, value.stringValue]),
    );
    expect(said).toEqual({ provider: 'stitch-money', outcome: 'committed' });
    for (const { startTimeUnixNano, endTimeUnixNano } of spans) {
      expect(BigInt(endTimeUnixNano) >= BigInt(startTimeUnixNano)).toBe(true);
    }
    expect(receiver.headers[0]?.['x-collector-key']).toBe('collector-secret-0123456789');
  });

  it('keep what a caller does not want kept to themselves, and what a browser says means nothing', async () => {
    const unsampled = '1bf92f3577b34da6a3ce929d0e0e4736';
    const browsers = '2bf92f3577b34da6a3ce929d0e0e4736';
    const from = (trace: string, flags: string) => ({
      headers: { traceparent: `00-${trace}-${CALLER}-${flags}` },
    });
    await world.vault.request('/health/live', from(unsampled, '00'));
    const { publicUrl } = world.vault;
    await fetch(`${publicUrl}/callback/stitch-money?state=x`, from(browsers, '01'));
    await eventually('the callback is told of', () =>
      receiver.spans.some(({ name }) => name === 'GET /callback/:provider'),
    );
    const traces = new Set(receiver.spans.map(({ traceId }) => traceId));
    expect(traces.has(unsampled)).toBe(false);
    expect(traces.has(browsers)).toBe(false);
  });

  it('hold no secret and no user, and their ids go to no provider', async () => {
    const { status } = await world.vault.request(`/tokens/${USER}`, {
      key: world.key,
      method: 'DELETE',
      headers: { traceparent: `00-${TRACE}-${CALLER}-01` },
    });
    expect(status).toBe(204);
    await eventually('the token is revoked', () => receiver.revocations.length > 0);
    for (const headers of receiver.revocations) expect(headers).not.toHaveProperty('traceparent');
    await eventually('the deletion is told of', () =>
      receiver.spans.some(({ name }) => name === 'DELETE /tokens/:user_id'),
    );
    const text = receiver.bodies.join('\n');
    for (const { kind, value } of world.sandbox.issued) {
      expect({ kind, leaked: text.includes(value) }).toEqual({ kind, leaked: false });
    }
    for (const secret of [USER, world.key, world.sandbox.clientSecret, 'collector-secret']) {
      expect(text).not.toContain(secret);
    }
    expect(world.vault.logs.join('')).not.toContain('collector-secret');
  });

  it('are dropped and counted while the collector hangs, which delays no read, rotation or stop', async () => {
    receiver.hangs = true;
    await world.link('ann');
    const started = performance.now();
    for (let read = 0; read < 60; read += 1) expect((await world.read('ann')).status).toBe(200);
    await world.age('ann', 890);
    expect((await world.read('ann', '?min_ttl=600')).status).toBe(200);
    expect(performance.now() - started).toBeLessThan(8000);
    expect(await metric(world.vault, 'stitch_vault_spans_dropped_total')).toBeGreaterThan(20);
    const stopping = performance.now();
    await world.vault.stop();
    expect(performance.now() - stopping).toBeLessThan(6000);
  });
});
