import type { ServerLogin } from '../server-login.ts';
import { asAdmin, inTransaction, lockName } from './connection.ts';
import { type InstanceIdentifiers, quoted } from './identifiers.ts';

/**
 * Makes the role that may read everything of an instance: what its database holds now, and, by the owner's default
 * privileges, whatever the owner makes later, since all that bindings make belongs to the owner.
 * @throws ChandlerError `ServerUnreachable`, `CredentialsRejected`
 */
export async function ensureReader(admin: ServerLogin, names: InstanceIdentifiers): Promise<void> {
  const [database, owner, reader] = [names.database, names.owner, names.reader].map(quoted);
  await asAdmin(admin, names.database, async (session) => {
    await lockName(session, names.reader);
    await inTransaction(session, async () => {
      const found = await session.query('select from pg_catalog.pg_roles where rolname = $1', [names.reader]);
      if (found.rowCount === 0) await session.query(`create role ${reader} nologin`);
      await session.query(`grant connect on database ${database} to ${reader}`);
      await session.query(`set local role ${owner}`);
      for (const [privilege, kind] of [
        ['usage', 'schemas'],
        ['select', 'tables'],
        ['select', 'sequences'],
      ]) {
        await session.query(`alter default privileges grant ${privilege} on ${kind} to ${reader}`);
      }
      const { rows } = await session.query<{ schema: string }>(
        `select pg_catalog.quote_ident(nspname) as schema from pg_catalog.pg_namespace
          where nspowner = (select oid from pg_catalog.pg_roles where rolname = $1)`,
        [names.owner],
      );
      for (const { schema } of rows) {
        await session.query(`grant usage on schema ${schema} to ${reader}`);
        await session.query(`grant select on all tables in schema ${schema} to ${reader}`);
        await session.query(`grant select on all sequences in schema ${schema} to ${reader}`);
      }
    });
  });
}
