import { describe, expect, it } from 'vitest';
import { makeCertificate } from '../../test/support/certificate.ts';
import { ConfigInvalid } from './config.ts';
import { readConfig, readDatabaseUrls } from './read-config.ts';

const least = {
  DATABASE_URL: 'postgres://chandler:hunter2@localhost:5432/chandler',
  CHANDLER_KEY_FILE: '/keys/current',
  CHANDLER_USERNAME: 'platform',
  CHANDLER_PASSWORD: 'hunter3',
  CHANDLER_KUBECONFIG: '/kube/config',
};

function problemsOf(environment: Record<string, string | undefined>): string[] {
  try {
    readConfig(environment);
  } catch (error) {
    if (error instanceof ConfigInvalid) return error.problems;
    throw error;
  }
  return [];
}

describe('readConfig', () => {
  it('needs five variables and fills in the rest', () => {
    const config = readConfig(least);
    expect(config).toMatchObject({
      keyFile: '/keys/current',
      catalogFolder: 'catalog',
      host: '127.0.0.1',
      port: 8080,
      credentials: [{ username: 'platform', platform: 'kubernetes', namespaces: ['*'] }],
      clusterName: 'default',
      kube: { kind: 'kubeconfig', path: '/kube/config' },
      logLevel: 'info',
      workerConcurrency: 8,
      serverConcurrency: 4,
      clusterConcurrency: 32,
      leaseSeconds: 15,
      syncWaitSeconds: 50,
      quickWaitMs: 1500,
      sweepSeconds: 300,
      orphanGraceSeconds: 600,
      retentionDays: 30,
      driftSeconds: 3600,
    });
    expect(config.databaseUrl.reveal()).toBe(least.DATABASE_URL);
    expect(config.credentials[0]?.password.reveal()).toBe('hunter3');
  });

  it('cannot be changed afterwards and prints no secret', () => {
    const config = readConfig(least);
    expect(() => Object.assign(config, { port: 1 })).toThrow(TypeError);
    expect(() => Object.assign(config.credentials[0] ?? {}, { platform: 'other' })).toThrow(TypeError);
    expect(JSON.stringify(config)).not.toMatch(/hunter/);
  });

  it('names every wrong variable at once, and how to mend it', () => {
    expect(
      problemsOf({
        DATABASE_URL: 'mysql://u:hunter2@h/d',
        CHANDLER_PORT: '80a',
        CHANDLER_NAMESPACES: 'team-*,Team',
        CHANDLER_USERNAME: 'a:b',
        CHANDLER_LOG_LEVEL: 'loud',
      }),
    ).toEqual([
      'DATABASE_URL must be the URL of a Postgres database, for example postgres://user:password@host:5432/name.',
      'CHANDLER_KEY_FILE must name the file that holds the key for sealed columns.',
      'CHANDLER_PORT must be a TCP port from 0 to 65535, in digits.',
      'CHANDLER_USERNAME must hold no colon and no control character (RFC 7617).',
      'CHANDLER_NAMESPACES must be a comma-separated list of namespaces or globs, for example team-*,shop.',
      'CHANDLER_LOG_LEVEL must be one of debug, info, warn, error, silent.',
      'CHANDLER_PASSWORD must be the password that platforms send; or name a file that holds it in CHANDLER_PASSWORD_FILE.',
      'CHANDLER_KUBECONFIG must name a kubeconfig file, because Chandler does not run inside a cluster.',
    ]);
  });

  it('never repeats a value in a problem', () => {
    expect(problemsOf({ ...least, DATABASE_URL: 'hunter2', CHANDLER_PORT: 'hunter2' }).join()).not.toContain(
      'hunter2',
    );
  });

  it('reads the databases alone for a migration, with the same lines for what is wrong', () => {
    const { databaseUrl, listenUrl } = readDatabaseUrls({
      DATABASE_URL: 'postgres://pooler/state',
      CHANDLER_LISTEN_URL: 'postgres://db/state',
      CHANDLER_PORT: 'wrong',
    });
    expect([databaseUrl.reveal(), listenUrl?.reveal()]).toEqual([
      'postgres://pooler/state',
      'postgres://db/state',
    ]);
    expect(readDatabaseUrls({ ...least, CHANDLER_LISTEN_URL: '' })).not.toHaveProperty('listenUrl');
    for (const wrong of ['foo', '']) {
      const [line] = problemsOf({ ...least, DATABASE_URL: wrong });
      expect(() => readDatabaseUrls({ DATABASE_URL: wrong })).toThrow(new ConfigInvalid([line ?? '']));
    }
  });

  it.each([['0'], ['65535']])('accepts port %s', (port) => {
    expect(readConfig({ ...least, CHANDLER_PORT: port }).port).toBe(Number(port));
  });

  it.each([['65536'], ['-1'], ['1e3'], ['8080.0']])('refuses port %s', (port) => {
    expect(problemsOf({ ...least, CHANDLER_PORT: port })).toHaveLength(1);
  });

  it('takes an empty variable as absent', () => {
    expect(readConfig({ ...least, CHANDLER_PORT: '', CHANDLER_NAMESPACES: '' })).toMatchObject({
      port: 8080,
      credentials: [{ namespaces: ['*'] }],
    });
  });

  it('splits namespaces at commas', () => {
    const config = readConfig({ ...least, CHANDLER_NAMESPACES: 'team-*, shop' });
    expect(config.credentials[0]?.namespaces).toEqual(['team-*', 'shop']);
  });

  it('reads the password from a file and leaves out the line end', () => {
    const { CHANDLER_PASSWORD: _password, ...rest } = least;
    const config = readConfig({ ...rest, CHANDLER_PASSWORD_FILE: '/p' }, (path) => `from ${path}\n`);
    expect(config.credentials[0]?.password.reveal()).toBe('from /p');
  });

  it('refuses a password file that is missing or empty, and two passwords', () => {
    const { CHANDLER_PASSWORD: _password, ...rest } = least;
    expect(problemsOf({ ...rest, CHANDLER_PASSWORD_FILE: '/nowhere/password' })[0]).toMatch(
      /cannot be read: ENOENT/,
    );
    expect(() => readConfig({ ...rest, CHANDLER_PASSWORD_FILE: '/p' }, () => '\n')).toThrow(/empty file/);
    expect(problemsOf({ ...least, CHANDLER_PASSWORD_FILE: '/p' })[0]).toMatch(/both set/);
  });

  it('takes values for the plans as a JSON object, and nothing else', () => {
    expect(readConfig({ ...least, CHANDLER_PLAN_SET: '{"image":"a:1"}' }).planSet).toEqual({ image: 'a:1' });
    expect(readConfig(least).planSet).toEqual({});
    for (const wrong of ['[]', '"image"', '{', 'null']) {
      expect(problemsOf({ ...least, CHANDLER_PLAN_SET: wrong })[0]).toMatch(
        /^CHANDLER_PLAN_SET must be a JSON object/,
      );
    }
  });

  it('takes a certificate and its key, which must be there and belong together', async () => {
    const [one, other] = await Promise.all([makeCertificate(), makeCertificate()]);
    const files = (certFile: string, keyFile: string) => ({
      ...least,
      CHANDLER_TLS_CERT_FILE: certFile,
      CHANDLER_TLS_KEY_FILE: keyFile,
    });
    const { certFile, keyFile } = one;
    expect(readConfig(files(certFile, keyFile)).tls).toEqual({ certFile, keyFile });
    expect(readConfig(least)).not.toHaveProperty('tls');
    expect(problemsOf(files(certFile, ''))).toEqual([
      'CHANDLER_TLS_CERT_FILE and CHANDLER_TLS_KEY_FILE must be set together.',
    ]);
    for (const wrong of [
      files(certFile, other.keyFile),
      files(keyFile, certFile),
      files('/nowhere', keyFile),
    ]) {
      expect(problemsOf(wrong)[0]).toMatch(/must name a certificate and its key, both in PEM: .+\.$/);
    }
    await Promise.all([one.remove(), other.remove()]);
  });

  it('uses the service account when it runs inside a cluster', () => {
    const { CHANDLER_KUBECONFIG: _path, ...rest } = least;
    expect(readConfig({ ...rest, KUBERNETES_SERVICE_HOST: '10.0.0.1' }).kube).toEqual({ kind: 'in-cluster' });
  });
});
