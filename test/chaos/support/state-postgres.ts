/** The Postgres that holds Chandler's rows, one of the test's own, with everything that may happen to a Postgres. */
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DevPostgres, ensureDevPostgres } from '../../../src/start/dev-postgres.ts';
import { migrate } from '../../../src/store/migrate.ts';
import { type BlackHole, startBlackHole } from '../../support/black-hole.ts';
import { queryDatabase } from '../../support/postgres.ts';

export class StatePostgres {
  /** For the test itself, past the proxy. */
  readonly directUrl: string;
  /** For the brokers, through a proxy that counts connections and can turn into a black hole. */
  readonly proxy: BlackHole;
  readonly #folder: string;
  #server: DevPostgres;

  /** Starts an empty, migrated database; without the disk's promises, which a killed process does not need. */
  static async start(): Promise<StatePostgres> {
    const folder = await mkdtemp(join(tmpdir(), 'chandler-chaos-postgres-'));
    // Its server runs as another user.
    await chmod(folder, 0o755);
    const server = await startServer(folder);
    await migrate(server.url);
    return new StatePostgres(folder, server, await startBlackHole(server.url));
  }

  private constructor(folder: string, server: DevPostgres, proxy: BlackHole) {
    this.#folder = folder;
    this.#server = server;
    this.directUrl = server.url;
    this.proxy = proxy;
  }

  get url(): string {
    return this.proxy.url;
  }

  /** What `pg_ctl restart -m immediate` does: no goodbye, and a recovery at the start. */
  async restartImmediately(): Promise<void> {
    const pidFile = join(this.#folder, 'server', 'data', 'postmaster.pid');
    const pid = Number((await readFile(pidFile, 'utf8')).split('\n')[0]);
    process.kill(pid, 'SIGQUIT');
    while (isAlive(pid)) await sleep(20);
    this.#server = await startServer(this.#folder);
  }

  async stopFor(seconds: number): Promise<void> {
    await this.#server.stop();
    await sleep(seconds * 1000);
    this.#server = await startServer(this.#folder);
  }

  /** @returns how many sessions ended */
  async terminateSessions(): Promise<number> {
    const ended = await queryDatabase(
      this.directUrl,
      `select pg_terminate_backend(pid) from pg_stat_activity
       where pid <> pg_backend_pid() and backend_type = 'client backend'`,
    );
    return ended.length;
  }

  async close(): Promise<void> {
    this.proxy.close();
    await this.#server.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function startServer(folder: string): Promise<DevPostgres> {
  return ensureDevPostgres({ dataFolder: folder, forTests: true });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
