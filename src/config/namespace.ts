import { registerAs } from '@nestjs/config';
import type { ConfigFactory } from '@nestjs/config';
import type { EnvironmentReader } from './environment-reader.js';

/** A part of the configuration: reads itself, and is injected by its `KEY`. */
export interface Namespace<N extends string, T extends object> {
  /** Reads its variables; what is wrong is noted in the reader. */
  (reader: EnvironmentReader): T;
  readonly namespace: N;
  /** Injection token of what was read. */
  readonly KEY: string | symbol;
}

/**
 * Describes a part of the configuration, as `registerAs` of @nestjs/config does, except that its
 * factory is given the environment: two vaults in one process have one each.
 *
 * @param read reads its variables; what is wrong is noted in the reader and not thrown
 */
export function defineNamespace<const N extends string, T extends object>(
  namespace: N,
  read: (reader: EnvironmentReader) => T,
): Namespace<N, T> {
  const { KEY } = registerAs(namespace, () => ({}));
  return Object.assign((reader: EnvironmentReader) => read(reader), { namespace, KEY });
}

/** The factory with which @nestjs/config gives out a namespace that has been read already. */
export const factoryOf = (namespace: string, value: object): ConfigFactory =>
  registerAs(namespace, () => value);
