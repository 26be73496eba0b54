/** Credentials of their own for each binding of a PostgreSQL server: a login that acts as the instance's owner role. */
import { createBindingRole, verifyLogin } from '../engines/postgresql/binding-role.ts';
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
      ensureOwnerAndDatabase(adminLogin(target), instanceIdentifiers(target.instanceName)),

    async create(spec, target, binding) {
      const names = instanceIdentifiers(target.instanceName);
      const login = bindingLogin(binding.bindingName);
      await createBindingRole(adminLogin(target), names, {
        login,
        password: binding.password,
        connectionLimit: spec.connectionLimit,
      });
      await verifyLogin({ ...target.reach, username: login, password: binding.password }, names);
      return new Redacted(
        entries({
          ...target.address,
          database: names.database,
          username: login,
          password: binding.password.reveal(),
        }),
      );
    },

    revoke: (_spec, target, binding) =>
      revokeBindingRole(
        adminLogin(target),
        instanceIdentifiers(target.instanceName),
        bindingLogin(binding.bindingName),
      ),
  };
}

function adminLogin(target: EngineTarget): ServerLogin {
  return { ...target.reach, ...target.admin };
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
