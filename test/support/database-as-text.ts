import pg from 'pg';

/** Every row of every table as text, and what bytea columns hold, as text too. */
export async function databaseAsText(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const tables = await client.query<{ name: string }>(
      `select quote_ident(tablename) as name from pg_tables where schemaname = 'public'`,
    );
    let dump = '';
    for (const { name } of tables.rows) {
      const { rows } = await client.query<Record<string, unknown>>(`select * from ${name}`);
      for (const row of rows) {
        for (const value of Object.values(row)) {
          dump += Buffer.isBuffer(value) ? value.toString('latin1') : JSON.stringify(value);
          dump += '\n';
        }
      }
    }
    return dump;
  } finally {
    await client.end();
  }
}
