/** Credentials of their own for each binding of a PostgreSQL server: a login that acts as the instance's owner role. */

import { createBindingRole, listBindingRoles, verifyLogin } from '../engines/postgresql/binding-role.ts';
import { bindingLogin, instanceIdentifiers } from '../engines/postgresql/identifiers.ts';
import { ensureOwnerAndDatabase } from '../engines/postgresql/owner-and-database.ts';
import { revokeBindingRole } from '../engines/postgresql/revoke-binding-role.ts';
import { authority } from '../lib/authority.ts';
import type { JsonObject } from '../lib/json.ts';
import { Redacted } from '../lib/redacted.ts';
import { serverOf } from './server-target.ts';
import type { CredentialsProvider } from './types.ts';

const engine = 'PostgreSQL';

export function createPostgresqlProvider(): CredentialsProvider {
  return {
    prepare: (_spec, target) =>
      ensureOwnerAndDatabase(serverOf(target, engine).admin, instanceIdentifiers(target.instanceName)),

    async create(spec, target, binding) {
      const { admin, reach, address } = serverOf(target, engine);
      const names = instanceIdentifiers(target.instanceName);
      const login = bindingLogin(binding.bindingName);
      await createBindingRole(admin, names, {
        login,
        password: binding.password,
        connectionLimit: spec.connectionLimit,
        readOnly: binding.readOnly === true,
        ...(binding.expiresAt === undefined ? {} : { validUntil: binding.expiresAt }),
      });
      const actsAs = binding.readOnly === true ? login : names.owner;
      await verifyLogin({ ...reach, username: login, password: binding.password }, names.database, actsAs);
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
        serverOf(target, engine).admin,
        instanceIdentifiers(target.instanceName),
        bindingLogin(binding.bindingName),
      ),

    listLogins: (_spec, target) =>
      listBindingRoles(serverOf(target, engine).admin, instanceIdentifiers(target.instanceName)),

    loginName: bindingLogin,
  };
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
  const server = authority({ host, port });
  return {
    type: 'postgresql',
    provider: 'chandler',
    host,
    port,
    database,
    username: login.username,
    password: login.password,
    uri: `postgresql://${user}:${password}@${server}/${database}?sslmode=${sslmode}`,
    'jdbc-url': `jdbc:postgresql://${server}/${database}?user=${user}&password=${password}&sslmode=${sslmode}`,
    sslmode,
  };
}
