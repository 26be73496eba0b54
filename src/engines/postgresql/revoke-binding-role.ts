import { setTimeout as sleep } from 'node:timers/promises';
import { ChandlerError } from '../../domain/errors.ts';
import type { ServerLogin } from '../server-login.ts';
import { asAdmin, inTransaction, lockName, maintenanceDatabase, type Session } from './connection.ts';
import { type InstanceIdentifiers, quoted, type SqlIdentifier } from './identifiers.ts';
import { hasSqlState } from './server-error.ts';

const dependentObjectsStillExist = '2BP01';
const rounds = 3;
const sessionsMs = 10_000;

/**
 * Ends a binding: its password is dead at once, then its sessions end, what it owns itself goes to the owner role, what
 * it was granted goes, and the role is dropped. A login that is gone is success. Every step may run again.
 * @throws ChandlerError `ServerUnreachable`, `CredentialsRejected`
 */
export async function revokeBindingRole(
  admin: ServerLogin,
  names: InstanceIdentifiers,
  login: SqlIdentifier,
): Promise<void> {
  await asAdmin(admin, maintenanceDatabase, async (session) => {
    await lockName(session, login);
    const found = await session.query<{ oid: string; version: number; owner: boolean }>(
      `select oid::text as oid, pg_catalog.current_setting('server_version_num')::int as version,
              exists (select from pg_catalog.pg_roles where rolname = $2) as owner
         from pg_catalog.pg_roles where rolname = $1`,
      [login, names.owner],
    );
    const role = found.rows[0];
    if (role === undefined) return;

    await session.query(`alter role ${quoted(login)} nologin password null`);
    // As a member of the owner the role may grant on its own what it was granted, and DROP OWNED would leave that.
    if (role.owner) await session.query(`revoke ${quoted(names.owner)} from ${quoted(login)}`);
    // Membership is what permits to signal the role's sessions and to take over its objects. It goes with the role.
    await session.query(
      `grant ${quoted(login)} to current_user${role.version < 160_000 ? '' : ' with inherit true, set true'}`,
    );
    try {
      await endSessions(session, role.oid);
      await dropRole(session, admin, {
        login,
        ...role,
        heir: role.owner ? quoted(names.owner) : 'current_user',
      });
    } catch (thrown) {
      // Every SET ROLE of an admin slows down with the memberships it holds; the next try grants this one again.
      await session.query(`revoke ${quoted(login)} from current_user`).catch(() => undefined);
      throw thrown;
    }
    // A login that was let in just before the first step may have become a session since.
    await endSessions(session, role.oid);
  });
}

/** Terminates the role's sessions until none is left. */
async function endSessions(session: Session, roleOid: string): Promise<void> {
  const deadline = performance.now() + sessionsMs;
  for (;;) {
    const { rowCount } = await session.query(
      'select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity where usesysid = $1::oid',
      [roleOid],
    );
    if (rowCount === 0) return;
    if (performance.now() > deadline) {
      throw new ChandlerError('ServerUnreachable', {
        sentence: 'The connections of this service binding do not end.',
      });
    }
    await sleep(20);
  }
}

async function dropRole(
  session: Session,
  admin: ServerLogin,
  role: { login: SqlIdentifier; oid: string; heir: string },
): Promise<void> {
  for (let round = 1; ; round += 1) {
    for (const database of await databasesThatNeed(session, role.oid)) {
      await handOver(admin, database, role);
    }
    try {
      await session.query(`drop role ${quoted(role.login)}`);
      return;
    } catch (thrown) {
      // A session of the same tenant may have granted something to the role in between.
      if (!hasSqlState(thrown, dependentObjectsStillExist)) throw thrown;
      if (round === rounds) {
        // DROP OWNED knows a role as owner and as grantee, and overlooks what it granted by a right it lost since.
        throw new ChandlerError('CredentialsRejected', {
          sentence:
            'The login is disabled and has no rights left, but grants that it made keep its role from being dropped.',
          cause: thrown,
        });
      }
    }
  }
}

/** The databases in which something belongs or is granted to the role; the maintenance database stands for shared objects. */
async function databasesThatNeed(session: Session, roleOid: string): Promise<string[]> {
  const { rows } = await session.query<{ database: string }>(
    `select distinct coalesce(d.datname, $2)::text as database
       from pg_catalog.pg_shdepend s left join pg_catalog.pg_database d on d.oid = s.dbid
      where s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass and s.refobjid = $1::oid
        and (s.dbid = 0 or d.oid is not null)`,
    [roleOid, maintenanceDatabase],
  );
  return rows.map((row) => row.database);
}

async function handOver(
  admin: ServerLogin,
  database: string,
  role: { login: SqlIdentifier; heir: string },
): Promise<void> {
  await asAdmin(admin, database, (session) =>
    inTransaction(session, async () => {
      await session.query(`reassign owned by ${quoted(role.login)} to ${role.heir}`);
      await session.query(`drop owned by ${quoted(role.login)}`);
    }),
  );
}
