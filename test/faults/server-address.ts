import pg from 'pg';

/** Where a PostgreSQL server of the suite answers, whoever runs it. */
export class ServerAddress {
  constructor(readonly port: number) {}

  url(database: string): string {
    return `postgres://postgres@127.0.0.1:${this.port}/${database}`;
  }

  /** One statement on a connection of its own. */
  async run<Row extends pg.QueryResultRow>(
    sql: string,
    database = 'postgres',
    port = this.port,
  ): Promise<Row[]> {
    const connectionString = `postgres://postgres@127.0.0.1:${port}/${database}`;
    const client = new pg.Client({ connectionString });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<Row>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  /** Processes of the server by what they are, such as `walsender`; of any kind without. */
  async processes(kind?: string): Promise<number[]> {
    const rows = await this.run<{ pid: number; backend_type: string }>(
      'SELECT pid, backend_type FROM pg_stat_activity',
    );
    return rows
      .filter((row) => kind === undefined || row.backend_type === kind)
      .map(({ pid }) => pid);
  }
}
