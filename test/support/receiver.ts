import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Webhook } from 'standardwebhooks';

/** What a receiver of webhooks got. */
export interface Delivery {
  /** The event's id, which a receiver knows repetitions by. */
  readonly id: string;
  readonly type: string;
  readonly timestamp: string;
  readonly data: Record<string, unknown>;
  readonly headers: IncomingHttpHeaders;
}

/**
 * A status to answer with; `hang`: no answer at all; `cut`: the connection is closed; `drip`: a
 * letter at a time, for ever; `busy`: 429 with a `Retry-After` of a minute.
 */
export type ReceiverAnswer = number | 'hang' | 'cut' | 'drip' | 'busy';

/** A receiver of webhooks on a loopback port, which believes nothing that is not signed. */
export interface Receiver {
  readonly url: string;
  readonly secret: string;
  /** Everything that came with a good signature, in order. */
  readonly deliveries: Delivery[];
  /** What came without one. */
  readonly forged: string[];
  /** How it answers; called once for each delivery. */
  answer: (delivery: Delivery) => ReceiverAnswer;
  /** Deliveries about a user's grants. */
  about(userId: string): Delivery[];
  /** The environment of a vault that sends here. */
  readonly environment: { WEBHOOK_URL: string; WEBHOOK_SECRET: string };
  close(): Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  const webhook = new Webhook(secret);
  const hanging = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      let delivery: Delivery;
      try {
        const verified = webhook.verify(body, request.headers as Record<string, string>);
        delivery = {
          ...(verified as Delivery),
          id: String(request.headers['webhook-id']),
          headers: request.headers,
        };
      } catch {
        receiver.forged.push(body);
        response.writeHead(401).end();
        return;
      }
      receiver.deliveries.push(delivery);
      const answer = receiver.answer(delivery);
      if (answer === 'hang') hanging.add(response);
      else if (answer === 'cut') request.socket.destroy();
      else if (answer === 'drip') drip(request.socket);
      else if (answer === 'busy') response.writeHead(429, { 'retry-after': '60' }).end();
      else response.writeHead(answer, answer === 302 ? { location: '/elsewhere' } : {}).end('ok');
    });
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/hooks?tenant=1`;
  const receiver: Receiver = {
    url,
    secret,
    deliveries: [],
    forged: [],
    answer: () => 204,
    about: (userId) => receiver.deliveries.filter(({ data }) => data.user_id === userId),
    environment: { WEBHOOK_URL: url, WEBHOOK_SECRET: secret },
    close: async () => {
      for (const response of hanging) response.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return receiver;
}

/** Answers a letter at a time, and never comes to an end. */
function drip(socket: Socket): void {
  const text = 'HTTP/1.1 200 OK\r\nx-slow: ';
  let sent = 0;
  const timer = setInterval(() => socket.write(text[sent++] ?? 'x'), 10);
  socket.once('close', () => {
    clearInterval(timer);
  });
}
