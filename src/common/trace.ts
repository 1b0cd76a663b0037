/** What a span says: names of providers, routes, codes and counts. Never a user, a URL or a token. */
export type SpanAttributes = Readonly<Record<string, string | number>>;

/** A span under way. */
export interface Span {
  /** Says one thing more. */
  set(name: string, value: string | number): void;
}

/** Runs work as a span of the trace that is under way, or of a new one. Ends with the work. */
export type Trace = <T>(
  name: string,
  attributes: SpanAttributes,
  work: (span: Span) => Promise<T>,
) => Promise<T>;

const NO_SPAN: Span = { set: () => undefined };

/** Runs the work and tells nobody. */
export const untraced: Trace = (_name, _attributes, work) => work(NO_SPAN);
