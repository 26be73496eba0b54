import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { bindSpec, describeEachPostgresql, provider } from '../../test/support/each-postgresql.ts';
import { ChandlerError } from '../domain/errors.ts';
import { verifyLogin } from '../engines/postgresql/binding-role.ts';
import { bindingLogin, instanceIdentifiers } from '../engines/postgresql/identifiers.ts';
import { Redacted } from '../lib/redacted.ts';

describeEachPostgresql('failures', (bench) => {
  test('a wrong password of the admin is for an admin to mend, and is not told', async () => {
    const password = new Redacted('not-the-password');
    const instance = { ...bench.newInstance(), admin: { ...bench.server.admin, password } };
    const error = await failureOf(provider.prepare(bindSpec, instance));
    expect(error).toMatchObject({ code: 'CredentialsRejected', retry: false });
    expect(error.message).toBe('The server of this service instance refused the login that Chandler used.');
    expect(inspect(error, { depth: null, showHidden: true })).not.toContain('not-the-password');
  });

  test('an admin without the rights it needs is named as the reason', async () => {
    const { username } = bench.server.admin;
    for (const [take, give] of [
      [`alter role ${username} nocreatedb`, `alter role ${username} createdb`],
      [`alter role ${username} nocreaterole`, `alter role ${username} createrole`],
      [`revoke pg_signal_backend from ${username}`, `grant pg_signal_backend to ${username}`],
    ] as const) {
      await bench.server.asSuperuser(take);
      const error = await failureOf(provider.prepare(bindSpec, bench.newInstance()));
      await bench.server.asSuperuser(give);
      expect(error.message).toContain('CREATEROLE, CREATEDB and membership of pg_signal_backend');
      expect(error.code).toBe('CredentialsRejected');
    }
  });

  test('binding an instance that was never prepared is refused with the SQLSTATE alone', async () => {
    const binding = bench.newBinding();
    const error = await failureOf(provider.create(bindSpec, bench.newInstance(), binding));
    expect(error.code).toBe('CredentialsRejected');
    expect(error.message).toBe('The server of this service instance refused a statement (SQLSTATE 42704).');
    expect(inspect(error, { depth: null, showHidden: true })).not.toContain(binding.password.reveal());
    await expect(bench.server.asSuperuser(`drop role ${bindingLogin(binding.bindingName)}`)).rejects.toThrow(
      'does not exist',
    );
  });

  test('a login that does not act as the owner is not handed out', async () => {
    const instance = await bench.preparedInstance();
    const bound = await bench.bind(instance);
    await bench.run(
      bench.adminUri(),
      `alter role ${bound.username} in database ${bound.database} reset role`,
    );
    const login = { ...instance.reach, username: bound.username, password: bound.password };
    const names = instanceIdentifiers(instance.instanceName);
    const error = await failureOf(verifyLogin(login, names.database, names.owner));
    expect(error).toMatchObject({ code: 'CredentialsRejected', retry: false });
  });

  test('a server that is full passes', async () => {
    const { username } = bench.server.admin;
    await bench.server.asSuperuser(`alter role ${username} connection limit 0`);
    const error = await failureOf(provider.prepare(bindSpec, bench.newInstance()));
    await bench.server.asSuperuser(`alter role ${username} connection limit -1`);
    expect(error).toMatchObject({ code: 'ServerUnreachable', retry: true });
  });

  test('a server that ends our connection in the middle passes', async () => {
    const instance = await bench.preparedInstance();
    const bound = await bench.bind(instance);
    const blocker = await bench.connect(bench.adminUri());
    await blocker.query('select pg_advisory_lock(hashtextextended($1, 0))', [bound.username]);
    const revoking = failureOf(bench.revoke(bound));
    await expect
      .poll(async () => {
        const { rowCount } = await bench.server.asSuperuser(
          "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'chandler'",
        );
        return rowCount;
      })
      .toBe(1);
    expect(await revoking).toMatchObject({ code: 'ServerUnreachable', retry: true });
    await blocker.end();
    await bench.revoke(bound);
  });

  test('a server that is down, and a host that is not known, pass', async () => {
    const instance = await bench.preparedInstance();
    const unknown = { ...instance, reach: { host: 'no-such-host.invalid', port: 5432 } };
    expect(await failureOf(provider.prepare(bindSpec, unknown))).toMatchObject({ code: 'ServerUnreachable' });

    await bench.server.stop();
    for (const attempt of [
      () => provider.prepare(bindSpec, instance),
      () => provider.create(bindSpec, instance, bench.newBinding()),
      () => provider.revoke(bindSpec, instance, bench.newBinding()),
    ]) {
      expect(await failureOf(attempt())).toMatchObject({ code: 'ServerUnreachable', retry: true });
    }
  });
});

async function failureOf(work: Promise<unknown>): Promise<ChandlerError> {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof ChandlerError)) throw new Error('a ChandlerError was expected', { cause: thrown });
  return thrown;
}
