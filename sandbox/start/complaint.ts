/** Something that stops `npm start` and that a person can put right: one sentence, no stack. */
export class Complaint extends Error {
  override readonly name = 'Complaint';
}

/** The `code` of a system error such as EADDRINUSE; '' for anything else. */
export function codeOf(error: unknown): string {
  const hasCode = typeof error === 'object' && error !== null && 'code' in error;
  return hasCode ? String(error.code) : '';
}
