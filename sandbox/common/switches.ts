/** A way to check one switch: a sentence saying what is expected, and whether a value is that. */
export interface SwitchRule {
  readonly expects: string;
  readonly accepts: (value: unknown) => boolean;
}

export type SwitchRules<T> = { readonly [K in keyof T]: SwitchRule };

export const flag: SwitchRule = {
  expects: 'true or false',
  accepts: (value) => typeof value === 'boolean',
};

export const seconds: SwitchRule = {
  expects: 'a number of seconds, 0 or more',
  accepts: (value) => isNumber(value) && value >= 0,
};

export const rate: SwitchRule = {
  expects: 'a probability, 0 to 1',
  accepts: (value) => isNumber(value) && value >= 0 && value <= 1,
};

export const countOrNull: SwitchRule = {
  expects: 'a whole number, or null for no limit',
  accepts: (value) => value === null || (Number.isInteger(value) && Number(value) >= 0),
};

export const headerOrNull: SwitchRule = {
  expects: 'a Retry-After value (seconds or an HTTP date), or null for none',
  accepts: (value) => value === null || isNumber(value) || typeof value === 'string',
};

export const textOrNull: SwitchRule = {
  expects: 'a string, or null',
  accepts: (value) => value === null || typeof value === 'string',
};

export const members: SwitchRule = {
  expects: 'a JSON object',
  accepts: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
};

export const latency: SwitchRule = {
  expects: 'milliseconds, or [from, to]',
  accepts: (value) =>
    (isNumber(value) && value >= 0) ||
    (Array.isArray(value) && value.length === 2 && value.every((one) => isNumber(one) && one >= 0)),
};

export function oneOf(values: readonly string[]): SwitchRule {
  return {
    expects: `one of ${values.join(', ')}`,
    accepts: (value) => typeof value === 'string' && values.includes(value),
  };
}

/** What is wrong with a change, by switch name; empty when all of it can be applied. */
export function problemsWith<T extends object>(
  rules: SwitchRules<T>,
  change: unknown,
): Record<string, string> {
  if (typeof change !== 'object' || change === null || Array.isArray(change)) {
    return { '': 'expected a JSON object' };
  }
  const known = new Map(Object.entries<SwitchRule>(rules));
  const problems: Record<string, string> = {};
  for (const [name, value] of Object.entries(change)) {
    const rule = known.get(name);
    if (!rule) problems[name] = `unknown switch; there are ${[...known.keys()].join(', ')}`;
    else if (!rule.accepts(value)) problems[name] = `expected ${rule.expects}`;
  }
  return problems;
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
