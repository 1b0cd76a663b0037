/**
 * The load generator, a process of its own: GETs over raw sockets, one under way on each connection.
 * Takes one line of JSON on stdin, answers with one on stdout, and again. Raw sockets, because an HTTP
 * client costs more than the server that is measured; two writes and reads of a socket are what is left.
 */
import { connect } from 'node:net';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { setImmediate } from 'node:timers';

const HEAD_END = Buffer.from('\r\n\r\n');

/** One connection, asking again as soon as it is answered. */
class Connection {
  constructor(run) {
    this.run = run;
    this.pending = undefined;
    this.socket = connect(run.port, run.host);
    this.socket.setNoDelay(true);
    this.socket.on('data', (chunk) => this.receive(chunk));
    this.socket.on('error', (error) => run.fail(error));
    this.socket.on('close', () => run.fail(new Error('a connection was closed')));
    this.socket.once('connect', () => this.ask());
  }

  ask() {
    if (this.run.isOver()) {
      this.socket.removeAllListeners('close');
      this.socket.destroy();
      this.run.closed();
      return;
    }
    this.asked = performance.now();
    this.socket.write(this.run.nextRequest());
  }

  receive(chunk) {
    const answer = this.pending ? Buffer.concat([this.pending, chunk]) : chunk;
    const headEnd = answer.indexOf(HEAD_END);
    const head = headEnd < 0 ? '' : answer.latin1Slice(0, headEnd);
    const length = /content-length: *(\d+)/i.exec(head)?.[1];
    if (headEnd < 0 || answer.length < headEnd + 4 + Number(length ?? 0)) {
      this.pending = answer;
      return;
    }
    this.pending = undefined;
    const status = Number(head.slice(9, 12));
    this.run.answered(status, performance.now() - this.asked);
    this.ask();
  }
}

function load({ url, paths, headers, keys = [], connections, milliseconds, requests }) {
  const { hostname: host, port } = new URL(url);
  const fields = Object.entries({ host: `${host}:${port}`, ...headers });
  const rest = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const asked = paths.map((path, index) => {
    const key = keys.length > 0 ? `authorization: Bearer ${keys[index % keys.length]}\r\n` : '';
    return Buffer.from(`GET ${path} HTTP/1.1\r\n${rest}${key}\r\n`, 'latin1');
  });
  const times = [];
  const statuses = {};
  let next = 0;
  let open = connections;
  const started = performance.now();
  let heard = false;
  let busy = 0;
  return new Promise((resolve, reject) => {
    // Never asleep: else the server would pay for waking it up, more at a low rate than at a high one.
    let turned = started;
    const turn = () => {
      const now = performance.now();
      if (heard) busy += now - turned;
      heard = false;
      turned = now;
      if (open > 0) setImmediate(turn);
    };
    turn();
    const run = {
      host,
      port: Number(port),
      isOver: () =>
        requests === undefined ? performance.now() - started >= milliseconds : next >= requests,
      nextRequest: () => asked[next++ % asked.length],
      answered: (status, took) => {
        heard = true;
        statuses[status] = (statuses[status] ?? 0) + 1;
        times.push(took);
      },
      fail: reject,
      closed: () => {
        open -= 1;
        if (open > 0) return;
        const seconds = (performance.now() - started) / 1000;
        const sorted = Float64Array.from(times).sort();
        const at = (share) => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
        resolve({
          perSecond: times.length / seconds,
          count: times.length,
          p50: at(0.5),
          p99: at(0.99),
          busy: busy / 1000 / seconds,
          statuses,
        });
      },
    };
    for (let each = 0; each < connections; each += 1) new Connection(run);
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  const result = await load(JSON.parse(line)).catch((error) => ({ error: error.message }));
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
