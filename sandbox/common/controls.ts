import type { FastifyInstance } from 'fastify';
import { problemsWith } from './switches.js';
import type { SwitchRules } from './switches.js';

export interface Controlled<T extends object> {
  readonly switches: T;
  readonly rules: SwitchRules<T>;
  /** Numbers only: nothing that is secret leaves over HTTP. */
  readonly snapshot: () => object;
  /** Puts every switch and every count back to where it started; grants stay. */
  readonly reset: () => void;
}

/** The controls every sandbox server has: read and set switches, read counts, start afresh. */
export function addControls<T extends object>(app: FastifyInstance, it: Controlled<T>): void {
  app.get('/_sandbox/switches', () => it.switches);
  app.post('/_sandbox/switches', (request, reply) => {
    const { body } = request;
    const problems = problemsWith(it.rules, body);
    if (Object.keys(problems).length > 0) return reply.code(400).send({ errors: problems });
    return Object.assign(it.switches, body);
  });
  app.get('/_sandbox/stats', () => it.snapshot());
  app.post('/_sandbox/reset', () => {
    it.reset();
    return { switches: it.switches, stats: it.snapshot() };
  });
}
