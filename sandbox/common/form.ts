import type { FastifyRequest } from 'fastify';

/** A request that breaks a rule of the protocol; `rule` says which, for the developer. */
export class RuleBroken extends Error {
  override readonly name = 'RuleBroken';

  constructor(
    /** The OAuth error code (RFC 6749 section 5.2). */
    readonly code: string,
    /** Which rule, in words; holds no value that was sent. */
    readonly rule: string,
  ) {
    super(`${code}: ${rule}`);
  }
}

export type Form = Readonly<Partial<Record<string, string>>>;

/** The form of a POST: urlencoded only (S3), no parameter more than once (RFC 6749 section 3.2). */
export function readForm(request: FastifyRequest): Form {
  const type = request.headers['content-type'] ?? '';
  if (type.split(';')[0]?.trim().toLowerCase() !== 'application/x-www-form-urlencoded') {
    throw new RuleBroken('invalid_request', 'Content-Type is application/x-www-form-urlencoded');
  }
  return withoutRepeats(request.body);
}

/** The query of a GET; no parameter more than once (RFC 6749 section 3.1). */
export function readQuery(request: FastifyRequest): Form {
  return withoutRepeats(request.query);
}

/** RFC 6749 section 3.1: parameters sent without a value are treated as if they were omitted. */
function withoutRepeats(parsed: unknown): Form {
  const form: Record<string, string> = {};
  for (const [name, value] of Object.entries(parsed ?? {})) {
    if (typeof value !== 'string') {
      throw new RuleBroken('invalid_request', 'no parameter is sent more than once');
    }
    if (value !== '') form[name] = value;
  }
  return form;
}

/** The parameter, or a refusal naming it. */
export function required(form: Form, name: string): string {
  const value = form[name];
  if (value === undefined) throw new RuleBroken('invalid_request', `${name} is required`);
  return value;
}

/** The token of `Authorization: Bearer …` (RFC 6750 section 2.1), if there is one. */
export function bearerOf(request: FastifyRequest): string | undefined {
  return /^Bearer ([A-Za-z0-9\-._~+/]+=*)$/i.exec(request.headers.authorization ?? '')?.[1];
}
