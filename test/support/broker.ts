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
  /** The same, line by line. */
  lines(): LogLine[];
  /** Kills the process with SIGKILL as soon as it prints a line that fits. Call it before what makes it print. */
  killAt(fits: (line: LogLine) => boolean): Promise<LogLine>;
  /** Ends the process and waits until it is gone. */
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
}

/** A line of the structured log; fields of src/telemetry/events.ts, in so far as tests read them. */
export interface LogLine {
  time: string;
  message: string;
  operationUid?: string;
  type?: string;
  kind?: string;
  namespace?: string;
  name?: string;
  description?: string;
  installationId?: string;
  fence?: number;
}

/** How a `chandler serve` ended that was not meant to run. */
export interface RefusedStart {
  exitCode: number | null;
  stderr: string;
  stdout: string;
  seconds: number;
}

/** A database and a key that outlive the brokers started on them. */
export interface BrokerHome {
  readonly databaseUrl: string;
  readonly password: string;
  /** What its brokers, and commands beside them, are started with. */
  readonly environment: Readonly<Record<string, string>>;
  /** @param environment laid over the defaults */
  start(environment?: Record<string, string>): Promise<TestBroker>;
  /** Runs `chandler serve` until it ends by itself; after 30 s it is killed. An empty value unsets the variable. */
  startAndFail(environment: Record<string, string>): Promise<RefusedStart>;
  /** Kills what still runs. */
  stop(): Promise<void>;
  /** Kills what still runs, drops the database, deletes the key. */
  remove(): Promise<void>;
}

/** @param given laid over the defaults of all its brokers; with a migrated DATABASE_URL no database is made or dropped */
export async function createBrokerHome(given: Record<string, string> = {}): Promise<BrokerHome> {
  const folder = await mkdtemp(join(tmpdir(), 'chandler-test-'));
  const keyFile = join(folder, 'key');
  await createKeyFile(keyFile);
  const { DATABASE_URL: url } = given;
  const database = url === undefined ? await createTestDatabase() : { url, drop: () => Promise.resolve() };
  const running = new Set<TestBroker>();
  const defaults = {
    DATABASE_URL: database.url,
    CHANDLER_KEY_FILE: keyFile,
    CHANDLER_USERNAME: username,
    CHANDLER_PASSWORD: password,
    CHANDLER_KUBECONFIG: inject('kubeconfigPath'),
    CHANDLER_HELM: inject('helmPath'),
    CHANDLER_PLAN_SET: JSON.stringify({ image: imageParts(inject('postgresqlImage')) }),
    CHANDLER_PORT: '0',
    CHANDLER_LOG_LEVEL: 'debug',
    ...given,
  };
  const stop = async () => {
    for (const broker of running) await broker.kill('SIGKILL');
  };
  return {
    databaseUrl: database.url,
    password,
    environment: defaults,
    async start(environment = {}) {
      const broker = await startBroker({ ...defaults, ...environment });
      running.add(broker);
      return broker;
    },
    startAndFail: (environment) => refusedStart({ ...defaults, ...environment }),
    stop,
    async remove() {
      await stop();
      await database.drop();
      await rm(folder, { recursive: true });
    },
  };
}

function spawnServe(environment: Record<string, string>) {
  const child = spawn(process.execPath, ['src/start/main.ts', 'serve'], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    output.stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    output.stderr += chunk.toString();
  });
  return { child, output };
}

async function startBroker(environment: Record<string, string>): Promise<TestBroker> {
  const { child, output } = spawnServe(environment);
  const log = () => output.stdout + output.stderr;
  const url = await addressOf(child, log);
  return {
    client: new OsbClient({ url, username, password }),
    url,
    pid: child.pid ?? 0,
    log,
    lines: () => parseLines(output.stdout),
    killAt: (fits) => killAt(child, () => parseLines(output.stdout).find(fits), log),
    kill: (signal) => end(child, signal),
  };
}

/** Complete lines only: the last one may still be on its way. */
function parseLines(text: string): LogLine[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as LogLine);
}

function killAt(child: ChildProcess, look: () => LogLine | undefined, log: () => string): Promise<LogLine> {
  return new Promise((resolve, reject) => {
    let seen: LogLine | undefined;
    const timer = setTimeout(() => child.kill('SIGKILL'), 60_000);
    child.stdout?.on('data', () => {
      seen ??= look();
      if (seen !== undefined) child.kill('SIGKILL');
    });
    child.once('exit', () => {
      clearTimeout(timer);
      if (seen === undefined) reject(new Error(`the line to kill the broker at was not printed:\n${log()}`));
      else resolve(seen);
    });
  });
}

async function refusedStart(environment: Record<string, string>): Promise<RefusedStart> {
  const startedAt = performance.now();
  const { child, output } = spawnServe(environment);
  const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
  const exitCode = await new Promise<number | null>((resolve) => {
    child.once('close', (code) => resolve(code));
  });
  clearTimeout(timer);
  return { exitCode, ...output, seconds: (performance.now() - startedAt) / 1000 };
}

async function addressOf(child: ChildProcess, log: () => string): Promise<string> {
  // Long, for a machine on which many start at a time.
  const deadline = Date.now() + 90_000;
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
