/** Stops the Postgres that the quickstart and the tests leave running; its data stays. */
import { ensureDevPostgres } from './dev-postgres.ts';

for (const options of [{}, { forTests: true }]) {
  const { folder, stop } = await ensureDevPostgres(options);
  await stop();
  process.stdout.write(`stopped the Postgres in ${folder}\n`);
}
