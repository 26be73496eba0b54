/** Rows that have every sealed column filled, with a secret in each that must never be seen. */
import { randomBytes } from 'node:crypto';
import { Redacted } from '../../src/lib/redacted.ts';
import { type SealedTable, sealedColumns, sealedTables } from '../../src/store/sealed-columns.ts';
import type { Store } from '../../src/store/types.ts';
import { queryDatabase } from './postgres.ts';
import { newBinding, newInstance, newOperation, testRevision } from './store.ts';

export const plantedSecret = 'canary-secret-hunter2';

/** Makes one row in each of the three tables, `count` times, and gives the uids of each table. */
export async function plantRows(store: Store, count: number): Promise<Record<SealedTable, string[]>> {
  await store.putRevision(testRevision, new Map());
  const uids: Record<SealedTable, string[]> = { service_instances: [], service_bindings: [], operations: [] };
  const hidden = () => ({ hidden: plantedSecret, own: randomBytes(4).toString('hex') });
  await store.transact(async (transaction) => {
    for (let index = 0; index < count; index += 1) {
      const instance = await transaction.insertInstance(
        newInstance({
          context: hidden(),
          parameters: hidden(),
          generated: new Redacted({ admin: { password: plantedSecret } }),
        }),
      );
      const binding = await transaction.insertBinding(
        newBinding(instance, {
          context: hidden(),
          parameters: hidden(),
          password: new Redacted(plantedSecret),
        }),
      );
      await transaction.setBindingCredentials(
        binding.uid,
        new Redacted({ uri: plantedSecret }),
        new Redacted({ syslogDrainUrl: plantedSecret }),
      );
      const operation = await transaction.enqueueOperation(
        newOperation(instance, {
          type: 'update',
          originatingIdentity: { platform: 'test', value: hidden() },
          update: {
            planRevision: testRevision.digest,
            target: {
              planId: testRevision.planId,
              parameters: hidden(),
              context: hidden(),
              generated: { admin: { password: plantedSecret } },
              request: { parameters: hidden() },
            },
          },
        }),
      );
      uids.service_instances.push(instance.uid);
      uids.service_bindings.push(binding.uid);
      uids.operations.push(operation.uid);
    }
  });
  return uids;
}

/** How many rows each key wraps, over all tables. */
export async function rowsByKey(url: string): Promise<Record<string, number>> {
  const rows = await queryDatabase<{ id: string; rows: number }>(
    url,
    `select key_id as id, count(*)::int as rows from (${sealedTables
      .map((table) => `select key_id, data_key from ${table} where data_key is not null`)
      .join(' union all ')}) sealed
     where data_key like 'v1:' || key_id || ':%' group by 1`,
  );
  return Object.fromEntries(rows.map(({ id, rows: count }) => [id, count]));
}

/** All sealed cells as they are stored, without the data keys. */
export async function sealedCells(url: string): Promise<Record<string, unknown>[]> {
  const cells: Record<string, unknown>[] = [];
  for (const table of sealedTables) {
    const columns = sealedColumns[table].map((column) => `${column}_sealed`).join(', ');
    cells.push(...(await queryDatabase(url, `select uid, ${columns} from ${table} order by uid`)));
  }
  return cells;
}

/** All that a logger could print of something thrown. */
export function showAll(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return `${thrown.stack} ${JSON.stringify(thrown, Object.getOwnPropertyNames(thrown))} ${thrown.cause ? showAll(thrown.cause) : ''}`;
}
