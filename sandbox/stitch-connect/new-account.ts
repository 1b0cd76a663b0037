import type { FastifyRequest } from 'fastify';
import { isOneOf } from '../common/secrets.js';
import type { Person } from './accounts.js';
import type { Server } from './server.js';

/** P; needed today, though S0 does not have it. */
const REGIONS = ['us-east-1', 'eu-central-1'];

const REQUIRED = [
  'partner_id',
  'partner_secret',
  'first_name',
  'last_name',
  'company',
  'email',
] as const;

type Errors = Record<string, string>;

/**
 * Checks the JSON of POST /v3/accounts (S0). `errors` by field, as in
 * `{"partner_id":"required"}`, also for wrong credentials (P).
 */
export function checkNewAccount(
  request: FastifyRequest,
  server: Server,
): { person: Person } | { errors: Errors } {
  const body = new Map(Object.entries(request.body ?? {}));
  const text = (name: string) => {
    const value: unknown = body.get(name);
    return typeof value === 'string' ? value.trim() : '';
  };
  const errors: Errors = {};
  for (const name of REQUIRED) if (text(name) === '') errors[name] = 'required';
  if (request.headers['content-type']?.startsWith('application/json') !== true) {
    errors.body = 'application/json';
  }
  if (!errors.partner_id && text('partner_id') !== server.partnerId) errors.partner_id = 'invalid';
  if (!errors.partner_secret && !isOneOf(text('partner_secret'), server.partnerSecrets)) {
    errors.partner_secret = 'invalid';
  }
  if (!errors.email && !/^[^\s@]+@[^\s@]+$/.test(text('email'))) errors.email = 'invalid';
  if (body.has('region') && !REGIONS.includes(text('region'))) errors.region = 'invalid';
  if (!body.has('region') && server.switches.regionRequired) errors.region = 'required';
  if (Object.keys(errors).length > 0) return { errors };
  return {
    person: {
      email: text('email'),
      first_name: text('first_name'),
      last_name: text('last_name'),
      company: text('company'),
    },
  };
}
