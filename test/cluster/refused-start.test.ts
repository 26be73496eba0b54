/** A broker that cannot keep its promises does not start, and one sentence says what to mend. */
import { randomUUID } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKeyFile } from '../../src/lib/key-file.ts';
import { type BrokerHome, createBrokerHome, type RefusedStart } from '../support/broker.ts';
import { removeInstallation } from '../support/installation.ts';
import { firstPlan, PlatformInstance } from '../support/platform-instance.ts';
import { createTestDatabase, queryDatabase } from '../support/postgres.ts';

let home: BrokerHome;
const otherKeyFile = join(tmpdir(), `chandler-test-${randomUUID()}.key`);
const forgedKeyFile = `${otherKeyFile}.forged`;

beforeAll(async () => {
  home = await createBrokerHome();
  const broker = await home.start();
  // A row that only the right key opens. Its namespace may not be made before the broker is gone.
  await new PlatformInstance(await firstPlan(broker), 'default').startProvision(broker);
  await broker.kill('SIGKILL');
  await createKeyFile(otherKeyFile);
  const [known] = await queryDatabase<{ id: string }>(home.databaseUrl, 'select id from encryption_keys');
  const text = await readFile(otherKeyFile, 'utf8');
  await writeFile(forgedKeyFile, text.replace(/^key-[^:]+/m, known?.id ?? ''), { mode: 0o600 });
});

afterAll(async () => {
  await removeInstallation(home);
  await rm(otherKeyFile, { force: true });
  await rm(forgedKeyFile, { force: true });
});

/** Ended by itself, said why on stderr in lines for a reader, and listened to nobody meanwhile. */
function expectRefusal({ exitCode, stdout, stderr }: RefusedStart, ...lines: RegExp[]): void {
  expect(stderr.trim().split('\n')).toEqual(
    lines.map((line) => expect.stringMatching(line) as unknown as string),
  );
  expect(exitCode).toBe(1);
  expect(stdout).not.toContain('broker started');
}

describe('chandler serve refuses to start', () => {
  it('with another key than the one that sealed the database', async () => {
    expectRefusal(
      await home.startAndFail({ CHANDLER_KEY_FILE: otherKeyFile }),
      /^This database holds rows sealed with the key "key-\w+", which is not in the key file\. Add the line/,
    );
  });

  it('with another key under the same id', async () => {
    expectRefusal(
      await home.startAndFail({ CHANDLER_KEY_FILE: forgedKeyFile }),
      /^The key "key-\w+" in the key file is not the key "key-\w+" that this database was sealed with\./,
    );
  });

  it('with a key file that does not exist', async () => {
    expectRefusal(
      await home.startAndFail({ CHANDLER_KEY_FILE: `${otherKeyFile}.missing` }),
      /^The key file \S+ does not exist\. Restore it from its backup/,
    );
  });

  it('without a key file', async () => {
    expectRefusal(
      await home.startAndFail({ CHANDLER_KEY_FILE: '' }),
      /^CHANDLER_KEY_FILE must name the file that holds the key for sealed columns\.$/,
    );
  });

  it('and leaves the database to the right key', async () => {
    const broker = await home.start();
    await broker.kill('SIGKILL');
    const keys = await queryDatabase(home.databaseUrl, 'select id from encryption_keys');
    expect(keys).toHaveLength(1);
  });

  it('with a line for every variable that is wrong, and without their values', async () => {
    const refused = await home.startAndFail({
      DATABASE_URL: 'mysql://root:hunter2@db/chandler',
      CHANDLER_PORT: 'eighty',
      CHANDLER_USERNAME: 'with:colon',
      CHANDLER_PASSWORD: '',
      CHANDLER_KUBECONFIG: '',
      CHANDLER_LEASE_SECONDS: '1',
    });
    expectRefusal(
      refused,
      /^DATABASE_URL must be the URL of a Postgres database/,
      /^CHANDLER_PORT must be a TCP port from 0 to 65535/,
      /^CHANDLER_USERNAME must hold no colon/,
      /^CHANDLER_LEASE_SECONDS must be a number of seconds from 5 to 300/,
      /^CHANDLER_PASSWORD must be the password/,
      /^CHANDLER_KUBECONFIG must name a kubeconfig file/,
    );
    expect(refused.stderr).not.toContain('hunter2');
  });

  it('with a database that has no schema yet', async () => {
    const empty = await createTestDatabase({ migrated: false });
    try {
      expectRefusal(
        await home.startAndFail({ DATABASE_URL: empty.url }),
        /^The database at DATABASE_URL \(\S+\) has no schema yet, or an old one: run `chandler migrate`/,
      );
    } finally {
      await empty.drop();
    }
  });

  it('within seconds when nobody listens at DATABASE_URL', async () => {
    const refused = await home.startAndFail({ DATABASE_URL: 'postgres://chandler:hunter2@127.0.0.1:1/db' });
    expectRefusal(
      refused,
      /^The Postgres at DATABASE_URL \(127\.0\.0\.1:1\/db\) cannot be used: connect ECONNREFUSED 127\.0\.0\.1:1\.$/,
    );
    expect(refused.stderr).not.toContain('hunter2');
    expect(refused.seconds).toBeLessThan(12);
  });

  it('within seconds when what listens at DATABASE_URL never answers', async () => {
    const mute = createServer(() => undefined);
    await new Promise<void>((resolve) => {
      mute.listen(0, '127.0.0.1', resolve);
    });
    const address = mute.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const refused = await home.startAndFail({ DATABASE_URL: `postgres://chandler@127.0.0.1:${port}/db` });
    mute.close();
    expectRefusal(refused, /^The Postgres at DATABASE_URL \(\S+\) cannot be used: .+\.$/);
    console.log(`an unanswered DATABASE_URL is given up after ${refused.seconds.toFixed(1)} s`);
    expect(refused.seconds).toBeLessThan(15);
  });
});
