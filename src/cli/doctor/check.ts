/** What was found out about one thing, and what to do about it where it is wrong. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** For a person; never a secret. */
  readonly detail: string;
}

export const good = (name: string, detail: string): Check => ({ name, ok: true, detail });
export const bad = (name: string, detail: string): Check => ({ name, ok: false, detail });

/** A short word for what a network or system error is: its code, as far as it can be one. */
export function codeOf(error: unknown): string {
  for (let each = error; each instanceof Error; each = each.cause) {
    const { code } = each as { code?: unknown };
    if (typeof code === 'string' && /^[A-Za-z0-9_]{2,60}$/.test(code)) return code;
    if (each.name === 'TimeoutError') return 'TimeoutError';
  }
  return 'unknown';
}
