import { readTextFile } from './text-file.js';

/** The environment as a process gets it: names to text. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** One variable that is wrong: its name and what is expected. Never its value. */
export interface ConfigurationProblem {
  readonly name: string;
  readonly expected: string;
}

/** A variable's text as it was given, and whether it stood in a file. */
export interface Source {
  readonly text: string;
  readonly isFile: boolean;
}

/** Every problem of the environment at once. */
export class ConfigurationError extends Error {
  readonly code = 'invalid_configuration';

  constructor(readonly problems: readonly ConfigurationProblem[]) {
    super(problems.map(({ name, expected }) => `${name}: ${expected}`).join('\n'));
    this.name = 'ConfigurationError';
  }
}

/** Thrown by a parser when a value does not fit; the reader turns it into a problem. */
class UnacceptableValueError extends Error {}

/**
 * Reads variables one by one and collects what is wrong instead of stopping at the first. An empty
 * value counts as unset, as container tools pass them so. `NAME_FILE` names a file that holds the
 * value, for secrets that are mounted rather than put into the environment.
 */
export class EnvironmentReader {
  private readonly problems: ConfigurationProblem[] = [];

  constructor(readonly environment: Environment) {}

  get problemCount(): number {
    return this.problems.length;
  }

  /** Whether development's defaults are refused. */
  get production(): boolean {
    return this.text('NODE_ENV') === 'production';
  }

  /** Notes a problem found outside a parser. */
  refuse(name: string, expected: string): void {
    this.problems.push({ name, expected });
  }

  /** @throws ConfigurationError with all problems noted so far */
  finish(): void {
    if (this.problems.length > 0) throw new ConfigurationError(this.problems);
  }

  /** Whether `NAME` or `NAME_FILE` is set. */
  has(name: string): boolean {
    return [name, `${name}_FILE`].some((each) => Boolean(this.environment[each]?.trim()));
  }

  /** The text of `NAME` or of the file that `NAME_FILE` names; undefined when neither is set. */
  text(name: string): string | undefined {
    return this.source(name)?.text.trim();
  }

  /** The same, as it stands there; what is nothing but white space counts as unset. */
  source(name: string): Source | undefined {
    const value = this.environment[name];
    const file = this.environment[`${name}_FILE`]?.trim();
    if (value?.trim() && file) {
      this.refuse(name, `either ${name} or ${name}_FILE, not both`);
      return undefined;
    }
    if (!file) return value?.trim() ? { text: value, isFile: false } : undefined;
    try {
      const content = readTextFile(file);
      if (content.trim()) return { text: content, isFile: true };
      this.refuse(`${name}_FILE`, 'a file that is not empty');
    } catch {
      this.refuse(`${name}_FILE`, 'a file that can be read, in UTF-8');
    }
    return undefined;
  }

  /** Two variables of which both are to be set or neither; undefined for one that is wrong. */
  pair(idName: string, secretName: string): readonly [string | undefined, string | undefined] {
    const before = this.problems.length;
    const id = this.text(idName);
    const secret = this.text(secretName);
    if (this.problems.length === before) {
      if (id && !secret) this.refuse(secretName, `to be set, as ${idName} is`);
      if (secret && !id) this.refuse(idName, `to be set, as ${secretName} is`);
    }
    return [id, secret];
  }

  /** Parses the variable if it is set; `fallback` otherwise, and after a problem. */
  parse<T>(name: string, expected: string, fallback: T, parser: (text: string) => T): T {
    const text = this.text(name);
    if (text === undefined) return fallback;
    try {
      return parser(text);
    } catch (error) {
      this.refuse(
        name,
        error instanceof UnacceptableValueError && error.message ? error.message : expected,
      );
      return fallback;
    }
  }

  integer(name: string, fallback: number, minimum: number, maximum: number): number {
    return this.parse(name, `a whole number from ${minimum} to ${maximum}`, fallback, (text) => {
      const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
      return acceptIf(value, value >= minimum && value <= maximum);
    });
  }

  /**
   * A duration: the variable is in whole seconds, as are the fallback and the bounds.
   *
   * @returns milliseconds
   */
  durationMs(name: string, fallback: number, minimum: number, maximum: number): number {
    return this.integer(name, fallback, minimum, maximum) * 1000;
  }

  oneOf<const T extends string>(name: string, fallback: T, values: readonly T[]): T {
    return this.parse(name, `one of ${values.join(', ')}`, fallback, (text) => {
      const value = values.find((candidate) => candidate === text);
      if (value === undefined) throw new UnacceptableValueError();
      return value;
    });
  }

  list(name: string, expected: string, accept: (item: string) => boolean): string[] {
    return this.parse(name, expected, [], (text) => {
      const items = text.split(',').map((item) => item.trim());
      return acceptIf(items, items.every(accept));
    });
  }
}

/**
 * Returns the value when it is acceptable. `expected` overrides the general text.
 * @throws UnacceptableValueError
 */
export function acceptIf<T>(value: T, isAcceptable: boolean, expected = ''): T {
  if (!isAcceptable) throw new UnacceptableValueError(expected);
  return value;
}
