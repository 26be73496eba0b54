/** Credentials of their own for each binding of a PostgreSQL server: a login that acts as the instance's owner role. */

import { ChandlerError } from '../domain/errors.ts';
import { createBindingRole, listBindingRoles, verifyLogin } from '../engines/postgresql/binding-role.ts';
import { bindingLogin, instanceIdentifiers } from '../engines/postgresql/identifiers.ts';
import { ensureOwnerAndDatabase } from '../engines/postgresql/owner-and-database.ts';
import { revokeBindingRole } from '../engines/postgresql/revoke-binding-role.ts';
import type { ServerLogin } from '../engines/postgresql/server-login.ts';
import type { JsonObject } from '../lib/json.ts';
import { Redacted } from '../lib/redacted.ts';
import type { CredentialsProvider, EngineTarget } from './types.ts';

export function createPostgresqlProvider(): CredentialsProvider {
  return {
    prepare: (_spec, target) =>
      ensureOwnerAndDatabase(serverOf(target).admin, instanceIdentifiers(target.instanceName)),

    async create(spec, target, binding) {
      const { admin, reach, address } = serverOf(target);
      const names = instanceIdentifiers(target.instanceName);
      const login = bindingLogin(binding.bindingName);
      await createBindingRole(admin, names, {
        login,
        password: binding.password,
        connectionLimit: spec.connectionLimit,
        ...(binding.expiresAt === undefined ? {} : { validUntil: binding.expiresAt }),
      });
      await verifyLogin({ ...reach, username: login, password: binding.password }, names);
      return new Redacted(
        entries({
          ...address,
          database: names.database,
          username: login,
          password: binding.password.reveal(),
        }),
      );
    },

    revoke: (_spec, target, binding) =>
      revokeBindingRole(
        serverOf(target).admin,
        instanceIdentifiers(target.instanceName),
        bindingLogin(binding.bindingName),
      ),

    listLogins: (_spec, target) =>
      listBindingRoles(serverOf(target).admin, instanceIdentifiers(target.instanceName)),

    loginName: bindingLogin,
  };
}

/** @throws ChandlerError `TemplateFailed` when the plan names no admin secret, or has no address */
function serverOf({ address, reach, admin }: EngineTarget) {
  if (address === undefined || reach === undefined || admin === undefined) {
    throw new ChandlerError('TemplateFailed', {
      sentence:
        'Bindings of a PostgreSQL plan need bind.admin, the secret with the login of its admin, and the outputs `host` and `port`.',
    });
  }
  return { address, reach, admin: { ...reach, ...admin } satisfies ServerLogin };
}

interface Login {
  host: string;
  port: number;
  database: string;
  username: string;
  password: string;
}

// Not `prefer`: our server offers no TLS yet, and drivers that read `prefer` as `require` could not connect.
const sslmode = 'disable';

/** The well-known entries of the Service Binding specification, and those that clients of PostgreSQL look for. */
function entries(login: Login): JsonObject {
  const { host, port, database } = login;
  const user = encodeURIComponent(login.username);
  const password = encodeURIComponent(login.password);
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  return {
    type: 'postgresql',
    provider: 'chandler',
    host,
    port,
    database,
    username: login.username,
    password: login.password,
    uri: `postgresql://${user}:${password}@${authority}/${database}?sslmode=${sslmode}`,
    'jdbc-url': `jdbc:postgresql://${authority}/${database}?user=${user}&password=${password}&sslmode=${sslmode}`,
    sslmode,
  };
}
