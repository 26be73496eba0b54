import { ChandlerError } from '../../domain/errors.ts';
import type { Redacted } from '../../lib/redacted.ts';
import type { ServerLogin } from '../server-login.ts';
import { asAdmin, asBinding, inTransaction, lockName, maintenanceDatabase } from './connection.ts';
import { type InstanceIdentifiers, quoted, type SqlIdentifier } from './identifiers.ts';
import { ensureReader } from './reader-role.ts';
import { scramVerifier } from './scram-verifier.ts';

export interface BindingRole {
  login: SqlIdentifier;
  password: Redacted<string>;
  /** Maximum connections at once; -1 is no limit. */
  connectionLimit: number;
  /** When the password stops working; sessions that run then go on. */
  validUntil?: Date;
  /** It reads what is in the database, and can neither change it nor make anything. */
  readOnly: boolean;
}

/**
 * Makes the login of a binding as a member of the owner role, which it becomes when it connects: what it makes belongs
 * to the owner, so bindings share it and it outlives them. One that only reads is a member of the reader role instead.
 * A login that exists gets password and settings anew.
 * @throws ChandlerError `ServerUnreachable`, `CredentialsRejected`
 */
export async function createBindingRole(
  admin: ServerLogin,
  names: InstanceIdentifiers,
  role: BindingRole,
): Promise<void> {
  const login = quoted(role.login);
  const { group, setting } = role.readOnly
    ? { group: quoted(names.reader), setting: 'default_transaction_read_only = on' }
    : { group: quoted(names.owner), setting: `role = ${quoted(names.owner)}` };
  if (role.readOnly) await ensureReader(admin, names);
  const verifier = await scramVerifier(role.password);
  const validUntil = role.validUntil?.toISOString() ?? 'infinity';
  const attributes = `login password '${verifier}' connection limit ${Math.trunc(role.connectionLimit)} valid until '${validUntil}'`;
  await asAdmin(admin, maintenanceDatabase, async (session) => {
    await lockName(session, role.login);
    await inTransaction(session, async () => {
      const { rowCount } = await session.query('select from pg_catalog.pg_roles where rolname = $1', [
        role.login,
      ]);
      await session.query(`${rowCount === 0 ? 'create' : 'alter'} role ${login} ${attributes}`);
      await session.query(`grant ${group} to ${login}`);
      await session.query(`alter role ${login} in database ${quoted(names.database)} set ${setting}`);
    });
  });
}

/**
 * Logs in over the network as the binding will, and checks that it then acts as the role that it should.
 * @throws ChandlerError `ServerUnreachable`, `CredentialsRejected`
 */
export async function verifyLogin(
  binding: ServerLogin,
  database: SqlIdentifier,
  actsAs: SqlIdentifier,
): Promise<void> {
  const { rows } = await asBinding(binding, database, (session) =>
    session.query<{ login: string; acting: string }>(
      'select session_user::text as login, current_user::text as acting',
    ),
  );
  if (rows[0]?.login !== binding.username || rows[0]?.acting !== actsAs) {
    throw new ChandlerError('CredentialsRejected', {
      sentence: 'The new login of this service binding does not have the rights it should have.',
      cause: new Error(`session_user ${rows[0]?.login}, current_user ${rows[0]?.acting}`),
    });
  }
}

/**
 * The logins that act as the owner or the reader role of an instance and are named like those of bindings; a login that
 * is disabled is none.
 * @throws ChandlerError `ServerUnreachable`, `CredentialsRejected`
 */
export async function listBindingRoles(admin: ServerLogin, names: InstanceIdentifiers): Promise<string[]> {
  return asAdmin(admin, maintenanceDatabase, async (session) => {
    const { rows } = await session.query<{ login: string }>(
      `select distinct login.rolname::text as login
         from pg_catalog.pg_auth_members membership
         join pg_catalog.pg_roles owner on owner.oid = membership.roleid
         join pg_catalog.pg_roles login on login.oid = membership.member
        where owner.rolname in ($1, $2) and login.rolcanlogin and login.rolname like 'b\\_%'
        order by 1`,
      [names.owner, names.reader],
    );
    return rows.map(({ login }) => login);
  });
}
