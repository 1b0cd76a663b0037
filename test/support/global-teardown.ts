import pg from 'pg';

/** Drops the template and stops the embedded server, if this run started one. */
export default async function tearDown(): Promise<void> {
  const admin = process.env.TEST_DATABASE_ADMIN_URL;
  const template = process.env.TEST_DATABASE_TEMPLATE;
  if (admin && template) {
    const client = new pg.Client({ connectionString: admin });
    await client.connect();
    await client.query(`DROP DATABASE IF EXISTS ${template} WITH (FORCE)`);
    await client.end();
  }
  await globalThis.testServer?.stop();
}
