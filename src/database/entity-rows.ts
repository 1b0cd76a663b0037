import { getMetadataArgsStorage } from 'typeorm';
import type { ValueTransformer } from 'typeorm';

/** Times are milliseconds since the epoch in the code; PostgreSQL's `infinity` is a number already. */
export const MILLISECONDS: ValueTransformer = {
  from: (time: Date | number | null) => (time instanceof Date ? time.getTime() : time),
  to: (milliseconds: number | null) => (milliseconds === null ? null : new Date(milliseconds)),
};

/** The driver returns a `bigint` as text. Those that the vault keeps are exact as numbers. */
export const INTEGER: ValueTransformer = {
  from: (text: string | null) => (text === null ? null : Number(text)),
  to: (value: number | null) => value,
};

/** Bytes that are compared and looked up, such as hashes, are hexadecimal digits in the code. */
export const HEX: ValueTransformer = {
  from: (bytes: Buffer | null) => bytes?.toString('hex') ?? null,
  to: (digits: string | null) => (digits === null ? null : Buffer.from(digits, 'hex')),
};

interface EntityColumn {
  readonly property: string;
  readonly name: string;
  /** As PostgreSQL calls it. */
  readonly type: string;
  readonly transformer: ValueTransformer | undefined;
}

type Class<T> = abstract new () => T;

/** What a row is whose columns these are. */
export type RowOf<Rows> = Rows extends EntityRows<infer T> ? Readonly<T> : never;

/**
 * The rows that a class with TypeORM's `@Column` decorators describes, for statements that are
 * written by hand: what a SELECT lists, what the driver's row becomes, and what an INSERT names. A
 * base class of an entity describes those of the entity's columns that are its own.
 */
export class EntityRows<T extends object> {
  private readonly columns: readonly EntityColumn[];
  private readonly transformed: readonly (readonly [string, ValueTransformer])[];

  /** @param properties undefined: all */
  constructor(
    private readonly described: Class<T>,
    properties?: readonly string[],
  ) {
    const all = columnsOf(described);
    this.columns = properties?.map((property) => named(all, property)) ?? all;
    this.transformed = this.columns.flatMap(({ property, transformer }) =>
      transformer ? [[property, transformer] as const] : [],
    );
  }

  /** Those of the columns that a statement is about: they are the type of its rows, too. */
  only<K extends keyof T & string>(...properties: readonly K[]): EntityRows<Pick<T, K>> {
    return new EntityRows<Pick<T, K>>(this.described, properties);
  }

  /** The columns of a table's alias under the names of the class's properties. */
  selected(alias: string): string {
    const one = ({ name, property }: EntityColumn) =>
      `${alias}.${name}${name === property ? '' : ` AS "${property}"`}`;
    return this.columns.map(one).join(', ');
  }

  /** Makes a row that was selected so what the class says, in place. */
  read<R extends T>(row: R): R {
    const values = row as Record<string, unknown>;
    for (const [property, transformer] of this.transformed) {
      values[property] = transformer.from(values[property]) as unknown;
    }
    return row;
  }

  get count(): number {
    return this.columns.length;
  }

  /** The columns' names, for an INSERT. */
  get names(): string {
    return this.columns.map(({ name }) => name).join(', ');
  }

  /** What an `ON CONFLICT … DO UPDATE` writes: everything but the columns of the conflict. */
  excluded(conflict: readonly string[]): string {
    const names = this.columns.map(({ name }) => name).filter((name) => !conflict.includes(name));
    return names.map((name) => `${name} = EXCLUDED.${name}`).join(', ');
  }

  /** Parameters for {@link values}, from `$1` on. */
  get parameters(): string {
    return this.columns.map(({ type }, place) => `$${place + 1}::${type}`).join(', ');
  }

  /** The values of one row, in the order of {@link names}. */
  values(row: T): unknown[] {
    return this.columns.map((column) => toDriver(column, row));
  }

  /** Parameters for {@link arrays}, from `$1` on: many rows in one statement, through `unnest`. */
  get arrayParameters(): string {
    return this.columns.map(({ type }, place) => `$${place + 1}::${type}[]`).join(', ');
  }

  /** The values of many rows, an array for each of {@link names}. */
  arrays(rows: readonly T[]): unknown[][] {
    return this.columns.map((column) => rows.map((row) => toDriver(column, row)));
  }
}

function named(columns: readonly EntityColumn[], property: string): EntityColumn {
  const column = columns.find((one) => one.property === property);
  if (!column) throw new Error(`No column is described for the property ${property}`);
  return column;
}

function toDriver({ property, transformer }: EntityColumn, row: object): unknown {
  const value = (row as Record<string, unknown>)[property];
  return transformer ? (transformer.to(value) as unknown) : value;
}

/** The columns of a class and of those that it extends, theirs first. */
function columnsOf(described: Class<unknown>): EntityColumn[] {
  const base = Object.getPrototypeOf(described) as Class<unknown> | null;
  const inherited = typeof base === 'function' && base.prototype ? columnsOf(base) : [];
  const own = getMetadataArgsStorage().filterColumns(described);
  return [
    ...inherited,
    ...own.map(({ propertyName, options }) => ({
      property: propertyName,
      name: options.name ?? propertyName,
      type: typeof options.type === 'string' ? options.type : 'text',
      transformer: Array.isArray(options.transformer) ? undefined : options.transformer,
    })),
  ];
}
