import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import type { Ledger } from './ledger.js';

/** One call with a refresh token; times are of `performance.now()`. */
export interface Presentation {
  readonly token: string;
  readonly asked: number;
  /** When the answer was handed over entirely. */
  delivered: number | undefined;
  /** The refresh token in the answer. */
  issued: string | undefined;
}

/** An answer on the wire. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

/**
 * Something systematically wrong with a provider: answers in the provider's place, or alters what
 * `forward` brings. `forward` has the provider act; without it nothing is spent.
 */
export type WireFault = (
  user: string,
  forward: () => Promise<WireAnswer>,
) => WireAnswer | Promise<WireAnswer>;

/**
 * The way from one replica to the provider's token endpoint. It knows what is on it, which is the
 * one thing that neither end can know, and can make answers take a while.
 */
export class Wire {
  /** Milliseconds that an answer stays on the wire, at least and at most. */
  answerDelay: readonly [number, number] = [0, 0];
  /** Refresh calls that have passed, in their order. */
  readonly presentations: Presentation[] = [];
  /** What is wrong with every call, while something is. */
  fault: WireFault | undefined;
  private readonly agent = new Agent({ headersTimeout: 120_000 });
  private server: Server | undefined;
  private port = 0;

  constructor(
    private readonly provider: string,
    private readonly ledger: Ledger,
  ) {}

  get tokenEndpoint(): string {
    return `http://127.0.0.1:${this.port}/connect/token`;
  }

  async open(): Promise<void> {
    const server = createServer((incoming, outgoing) => {
      this.pass(incoming, outgoing).catch(() => {
        outgoing.destroy();
      });
    });
    server.listen(this.port, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    this.server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  /** Connections are cut, and refused from now on. */
  async shut(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    if (!server) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  get calls(): number {
    return this.presentations.length;
  }

  /** Calls that have not been answered yet. */
  get inFlight(): number {
    return this.presentations.filter(({ delivered }) => delivered === undefined).length;
  }

  async close(): Promise<void> {
    await this.shut();
    await this.agent.destroy();
  }

  private async pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const form = new URLSearchParams(await text(incoming));
    const token = shortened(form.get('refresh_token') ?? '');
    if (token !== '') form.set('refresh_token', token);
    const body = form.toString();
    const user = this.ledger.ownerOfRefresh(token);
    const asked = performance.now();
    const call: Presentation = { token, asked, delivered: undefined, issued: undefined };
    if (token !== '') this.presentations.push(call);
    try {
      const forward = () => this.forward(incoming, body, call, user);
      const { fault } = this;
      const answer = await (fault && user !== undefined ? fault(user, forward) : forward());
      const [least, most] = this.answerDelay;
      if (most > 0) await sleep(least + (most - least) * Math.random());
      outgoing.writeHead(answer.status, { ...answer.headers });
      outgoing.end(answer.body);
    } finally {
      call.delivered = performance.now();
    }
  }

  private async forward(
    incoming: IncomingMessage,
    body: string,
    call: Presentation,
    user: string | undefined,
  ): Promise<WireAnswer> {
    const answer = await request(this.provider + (incoming.url ?? ''), {
      method: 'POST',
      headers: { 'content-type': incoming.headers['content-type'] ?? '' },
      body,
      dispatcher: this.agent,
    });
    const given = await answer.body.text();
    if (answer.statusCode === 200 && user !== undefined) call.issued = this.note(user, given);
    const { 'content-type': type, 'retry-after': retryAfter } = answer.headers;
    return {
      status: answer.statusCode,
      headers: {
        ...(type ? { 'content-type': String(type) } : {}),
        ...(retryAfter ? { 'retry-after': String(retryAfter) } : {}),
      },
      body: given,
    };
  }

  /** @returns the refresh token in the answer */
  private note(user: string, answer: string): string | undefined {
    try {
      const tokens = JSON.parse(answer) as Record<string, string | number | undefined>;
      const { access_token: access, refresh_token: refresh, expires_in: lifetime } = tokens;
      if (typeof access !== 'string' || typeof refresh !== 'string') return undefined;
      const expiresAt = Date.now() + Number(lifetime ?? 0) * 1000;
      this.ledger.note(user, { accessToken: access, refreshToken: refresh, expiresAt });
      return refresh;
    } catch {
      // A malformed answer, as ordered.
      return undefined;
    }
  }
}

/** Between a token that the provider knows and what the wire has added to it. */
const ADDED = '~';

/** A token of this many characters for one of the provider's, which the wire takes for it. */
export const lengthen = (token: string, characters: number): string =>
  `${token}${ADDED}`.padEnd(characters, 'x');

/** The provider's own token of a lengthened one. */
export const shortened = (token: string): string => token.split(ADDED, 1)[0] ?? token;

async function text(incoming: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of incoming) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}
