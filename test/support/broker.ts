/** A real `chandler serve` in a process of its own, so that tests can kill it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { createKeyFile } from '../../src/lib/key-file.ts';
import { imageParts } from '../../src/start/quickstart/ground.ts';
import { OsbClient } from '../../src/start/quickstart/osb-client.ts';
import { createTestDatabase } from './postgres.ts';

const username = 'platform';
/** Recognisable, so that a leak is found by searching for it. */
const password = 'platform-password-canary';

export interface TestBroker {
  readonly client: OsbClient;
  readonly url: string;
  readonly pid: number;
  /** Everything that the process printed so far. */
  log(): string;
  /** Ends the process and waits until it is gone. */
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
}

/** A database and a key that outlive the brokers started on them. */
export interface BrokerHome {
  readonly databaseUrl: string;
  readonly password: string;
  /** @param environment laid over the defaults */
  start(environment?: Record<string, string>): Promise<TestBroker>;
  /** Kills what still runs, drops the database, deletes the key. */
  remove(): Promise<void>;
}

export async function createBrokerHome(): Promise<BrokerHome> {
  const folder = await mkdtemp(join(tmpdir(), 'chandler-test-'));
  const keyFile = join(folder, 'key');
  await createKeyFile(keyFile);
  const database = await createTestDatabase();
  const running = new Set<TestBroker>();
  return {
    databaseUrl: database.url,
    password,
    async start(environment = {}) {
      const broker = await startBroker({
        DATABASE_URL: database.url,
        CHANDLER_KEY_FILE: keyFile,
        CHANDLER_USERNAME: username,
        CHANDLER_PASSWORD: password,
        CHANDLER_KUBECONFIG: inject('kubeconfigPath'),
        CHANDLER_HELM: inject('helmPath'),
        CHANDLER_PLAN_SET: JSON.stringify({ image: imageParts(inject('postgresqlImage')) }),
        CHANDLER_PORT: '0',
        CHANDLER_LOG_LEVEL: 'debug',
        ...environment,
      });
      running.add(broker);
      return broker;
    },
    async remove() {
      for (const broker of running) await broker.kill('SIGKILL');
      await database.drop();
      await rm(folder, { recursive: true });
    },
  };
}

async function startBroker(environment: Record<string, string>): Promise<TestBroker> {
  const child = spawn(process.execPath, ['src/start/main.ts', 'serve'], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  const collect = (chunk: Buffer) => {
    text += chunk.toString();
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  const url = await addressOf(child, () => text);
  return {
    client: new OsbClient({ url, username, password }),
    url,
    pid: child.pid ?? 0,
    log: () => text,
    kill: (signal) => end(child, signal),
  };
}

async function addressOf(child: ChildProcess, log: () => string): Promise<string> {
  const deadline = Date.now() + 30_000;
  while (Date.now() < deadline && child.exitCode === null) {
    const address = /"address":"([^"]+)"/.exec(log())?.[1];
    if (address !== undefined) return address;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  child.kill('SIGKILL');
  throw new Error(`the broker did not start:\n${log()}`);
}

function end(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill(signal);
  });
}
