import type { FastifyReply } from 'fastify';
import { drop, hang, holdBack, malformed, strikes, unavailable } from '../common/faults.js';
import type { IssuedSecrets } from '../common/secrets.js';
import type { Accounts } from './accounts.js';
import type { StitchConnectStats } from './stats.js';
import type { ConnectCall, ConnectFault, StitchConnectSwitches } from './switches.js';

/** What the endpoints share. */
export interface Server {
  readonly appName: string;
  readonly partnerId: string;
  readonly partnerSecrets: readonly string[];
  readonly redirectUris: readonly string[];
  readonly switches: StitchConnectSwitches;
  readonly stats: StitchConnectStats;
  readonly issued: IssuedSecrets;
  readonly accounts: Accounts;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** 0 up to, not including, 1. */
  readonly random: () => number;
  readonly url: () => string;
}

/** What a call answers when nothing goes wrong with it. */
export interface Answer {
  readonly status?: number;
  readonly body: object;
}

/** Does the work of one API call, or meets the switched-on fault before or after it. */
export async function withFaults(
  server: Server,
  call: ConnectCall,
  reply: FastifyReply,
  work: () => Answer,
): Promise<FastifyReply> {
  const { stats, switches, random } = server;
  stats.count(call);
  await holdBack(switches.latencyMs, random);
  let fault: ConnectFault = 'none';
  if (switches.fault !== 'none' && strikes(switches, call, random)) {
    fault = switches.fault;
    stats.faults += 1;
  }
  const early = instead(server, fault, reply);
  if (early) return early;
  const { status = 200, body } = work();
  if (fault === 'drop_after') return drop(reply);
  if (fault === 'hang_after') return hang(reply);
  return reply.code(status).header('cache-control', 'no-store').send(body);
}

/** Faults that strike before anything is done, and so instead of it. */
function instead(
  server: Server,
  fault: ConnectFault,
  reply: FastifyReply,
): FastifyReply | undefined {
  if (fault === 'hang') return hang(reply);
  if (fault === 'drop_before') return drop(reply);
  if (fault === 'malformed') return malformed(reply);
  if (/^\d{3}$/.test(fault)) return unavailable(reply, Number(fault), server.switches.retryAfter);
  return undefined;
}
