import { ChandlerError } from '../../domain/errors.ts';
import type { ServerLogin } from '../server-login.ts';
import { asAdmin, lockName, maintenanceDatabase, type Session } from './connection.ts';
import { type InstanceIdentifiers, quoted } from './identifiers.ts';

const oldestVersion = 150_000;

/**
 * Makes the owner role and the database of an instance, each step only where it is missing, and proves on the way that
 * the admin can do its work. The admin owns the database, so that the tenant cannot set anything on it; the owner role
 * owns the schema `public` and all that bindings make.
 * @throws ChandlerError `ServerUnreachable`, `CredentialsRejected`
 */
export async function ensureOwnerAndDatabase(admin: ServerLogin, names: InstanceIdentifiers): Promise<void> {
  const owner = quoted(names.owner);
  const database = quoted(names.database);
  await asAdmin(admin, maintenanceDatabase, async (session) => {
    const version = await usableVersion(session);
    await lockName(session, names.database);
    const found = await session.query<{ owner: boolean; database: boolean }>(
      `select exists (select from pg_catalog.pg_roles where rolname = $1) as owner,
              exists (select from pg_catalog.pg_database where datname = $2) as database`,
      [names.owner, names.database],
    );
    if (found.rows[0]?.owner !== true) await session.query(`create role ${owner} nologin`);
    // From 16 on the creator of a role is its ADMIN member without INHERIT and SET (createrole_self_grant).
    await session.query(
      `grant ${owner} to current_user${version < 160_000 ? '' : ' with inherit true, set true'}`,
    );
    if (found.rows[0]?.database !== true) {
      await session.query(`create database ${database} template template0 encoding 'UTF8' strategy wal_log`);
    }
    await session.query(`revoke all on database ${database} from public`);
    await session.query(`grant connect, create, temporary on database ${database} to ${owner}`);
  });
  await asAdmin(admin, names.database, async (session) => {
    // Once more: advisory locks belong to the database one is connected to.
    await lockName(session, names.database);
    // The tenant may have dropped the schema, and may have made another of that name.
    const fresh = await session.query(
      "select from pg_catalog.pg_namespace where nspname = 'public' and nspowner = 'pg_database_owner'::pg_catalog.regrole",
    );
    if (fresh.rowCount === 1) await session.query(`alter schema public owner to ${owner}`);
  });
}

/** The server's version as a number, 180004 for 18.4. Throws when the server or the admin cannot do what is needed. */
async function usableVersion(session: Session): Promise<number> {
  const { rows } = await session.query<{ version: number; able: boolean }>(
    `select pg_catalog.current_setting('server_version_num')::int as version,
            rolsuper or (rolcreaterole and rolcreatedb
              and pg_catalog.pg_has_role(rolname, 'pg_signal_backend', 'member')) as able
       from pg_catalog.pg_roles where rolname = session_user`,
  );
  const version = rows[0]?.version ?? 0;
  if (version < oldestVersion) {
    throw new ChandlerError('CredentialsRejected', {
      sentence: 'The server of this service instance is older than PostgreSQL 15.',
    });
  }
  if (rows[0]?.able !== true) {
    throw new ChandlerError('CredentialsRejected', {
      sentence:
        'The admin of the server needs CREATEROLE, CREATEDB and membership of pg_signal_backend to make credentials.',
    });
  }
  return version;
}
