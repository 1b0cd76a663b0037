import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

interface Operation {
  readonly operationId?: string;
  readonly security?: readonly object[];
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { schema?: object }>> }>
  >;
}

type Method = 'get' | 'post' | 'delete';
type PathItem = Readonly<Partial<Record<Method, Operation>>> & {
  readonly servers?: readonly { readonly url: string }[];
};

/** As much of an OpenAPI document as the tests look at. */
export interface ApiDescription {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, PathItem>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

/** An operation and where it stands. */
export interface DescribedOperation extends Operation {
  /** As `METHOD /path/{parameter}`. */
  readonly name: string;
  /** Where it is, when that is not where the description was found. */
  readonly servers: readonly string[];
}

/** Says whether answers are what the description promises: no more, no less. */
export class ApiSchema {
  private readonly ajv = new Ajv2020({ strict: false, allErrors: true });
  private readonly byName: ReadonlyMap<string, DescribedOperation>;

  constructor(description: ApiDescription) {
    addFormats.default(this.ajv);
    const closed = close(description) as ApiDescription;
    this.ajv.addSchema({ ...closed, $id: 'openapi' });
    this.byName = new Map(
      Object.entries(closed.paths).flatMap(([path, { servers = [], ...operations }]) =>
        Object.entries(operations).map(([method, operation]) => {
          const name = `${method.toUpperCase()} ${path}`;
          return [name, { ...operation, name, servers: servers.map(({ url }) => url) }];
        }),
      ),
    );
  }

  get operations(): DescribedOperation[] {
    return [...this.byName.values()];
  }

  /**
   * What is wrong with an answer to an operation: its status, its content type or its body.
   *
   * @param name such as `GET /tokens/{user_id}`
   * @returns nothing when it is as described
   */
  problemsOf(name: string, status: number, contentType: string | null, body: string): string[] {
    const response = this.byName.get(name)?.responses[String(status)];
    if (!response) return [`${name} does not describe ${String(status)}`];
    const type = contentType?.split(';')[0] ?? '';
    if (!response.content) return body === '' ? [] : [`${name} describes no ${type}`];
    const schema = response.content[type]?.schema;
    if (!schema) return [`${name} ${String(status)} does not describe ${type}`];
    const validate = this.ajv.compile(absolute(schema));
    if (validate(type.endsWith('json') ? JSON.parse(body) : body)) return [];
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) =>
        `${name} ${String(status)} ${instancePath} ${message ?? ''} ${JSON.stringify(params)}`,
    );
  }
}

/** Nothing may be answered that is not described. */
function close(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(close);
  if (typeof value !== 'object' || value === null) return value;
  const closed = Object.fromEntries(Object.entries(value).map(([key, each]) => [key, close(each)]));
  return 'properties' in closed ? { additionalProperties: false, ...closed } : closed;
}

/** References lead into the document, wherever the schema that holds them stands. */
const absolute = (schema: object): object =>
  JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"openapi#/')) as object;
