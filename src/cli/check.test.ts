/** The command as a process, against brokers that are hardly any. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { JsonReport } from '../conformance/report/json.ts';
import { exitCodes } from './check/exit-codes.ts';

const main = new URL('../start/main.ts', import.meta.url).pathname;
const password = 'hunter2hunter2';
const basic = Buffer.from(`checker:${password}`).toString('base64');

type Child = ChildProcessByStdio<null, Readable, Readable>;
type Reply = { status: number; body?: unknown } | 'never';
type Replies = (request: IncomingMessage) => Reply;

const catalog = {
  services: [
    {
      ...{ id: 'db-id', name: 'db', description: 'a database', bindable: true },
      plans: [{ id: 'small-id', name: 'small', description: 'a small one' }],
    },
  ],
};
/** A catalog, and nothing behind it. */
const useless: Replies = ({ url, method }) => {
  if (url === '/base/v2/catalog') return { status: 200, body: catalog };
  return method === 'DELETE' ? { status: 410 } : { status: 500, body: { description: `you are ${basic}` } };
};

const servers: Server[] = [];
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chandler-check-'));
  await writeFile(join(folder, 'password'), `${password}\n`);
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function broker(replies: Replies, credentials = ''): Promise<string> {
  const server = createServer((request, response) => {
    const reply: Reply =
      request.headers.authorization === `Basic ${basic}` ? replies(request) : { status: 401, body: {} };
    if (reply === 'never') return;
    response.writeHead(reply.status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(reply.body ?? {}));
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://${credentials}127.0.0.1:${(server.address() as AddressInfo).port}/base`;
}

function start(words: readonly string[], environment: Record<string, string> = {}): Child {
  return spawn(process.execPath, [main, 'check', ...words], {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function ended(child: Child) {
  const [stdout, stderr, [exitCode]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number]>,
  ]);
  return { stdout, stderr, exitCode };
}

const check = (words: readonly string[], environment?: Record<string, string>) =>
  ended(start(words, environment));
const login = () => ['--username', 'checker', '--password-file', join(folder, 'password')];
const quick = ['--poll-interval', '0.01', '--timeout', '1', '--request-timeout', '5'];

it('--help has the exit codes and examples', async () => {
  const { stdout, exitCode } = await check(['--help']);
  expect(exitCode).toBe(exitCodes.fine);
  for (const code of Object.values(exitCodes)) expect(stdout).toMatch(new RegExp(`^ {2}${code} +\\w`, 'm'));
  expect(stdout.match(/^ {2}(CHANDLER_CHECK_PASSWORD=secret )?chandler check https/gm)).toHaveLength(2);
});

it('--list prints the checks and needs no broker', async () => {
  const { stdout, stderr, exitCode } = await check(['--list', '--only', 'catalog']);
  expect([stderr, exitCode]).toEqual(['', exitCodes.fine]);
  const [head, ...rows] = stdout.trim().split('\n');
  expect(head).toMatch(/^ID +RULES +LEVEL +GROUP +PLATFORM +TITLE$/);
  expect(rows.length).toBeGreaterThan(3);
  for (const row of rows) expect(row).toMatch(/ Catalog /);
});

describe('wrong usage', () => {
  it.each([
    [[], /^The URL of the broker is missing/],
    [['nowhere'], /^The URL must be like/],
    [['http://x', '--parallel', '0'], /whole number from 1 to 1000/],
    [['http://x', '--timeout', 'x'], /number of seconds above 0/],
    [['http://x', '--platform', 'dos'], /Allowed choices are cloudfoundry, kubernetes, korifi/],
    [['http://x', '--frobnicate'], /unknown option[\s\S]*try chandler check --help/],
    [['http://x', '--token-file', 'a', '--username', 'b'], /cannot be used with/],
    [['http://x', '--only', 'no-such-check'], /^No check is called no-such-check/],
    [['--list', '--only', 'no-such-check'], /^No check is called no-such-check/],
    [['http://x', '--parameters', '[1]'], /^--parameters must be a JSON object/],
  ])('%j is told, and ends with 2', async (words, why) => {
    const { stdout, stderr, exitCode } = await check(words);
    expect(stderr).toMatch(why);
    expect(stderr).not.toMatch(/^ +at /m);
    expect([stdout, exitCode]).toEqual(['', exitCodes.cannotCheck]);
  });
});

describe('a broker that cannot be checked', () => {
  it.each<[string, string[], Record<string, string>, RegExp]>([
    ['refuses the credentials', [], {}, /^The broker refuses the credentials \(401\)/],
    [
      'does not have the plan',
      ['--plan', 'large'],
      { CHANDLER_CHECK_USERNAME: 'checker', CHANDLER_CHECK_PASSWORD: password },
      /^No plan is called large\. The catalog has: db\/small\.\n$/,
    ],
  ])('because it %s ends with 2', async (_, words, environment, why) => {
    const { stdout, stderr, exitCode } = await check([await broker(useless), ...words], environment);
    expect(stderr).toMatch(why);
    expect([stdout, exitCode]).toEqual(['', exitCodes.cannotCheck]);
  });

  it('because it is not there', async () => {
    const { stderr, exitCode } = await check(['http://checker:hunter2@127.0.0.1:1']);
    expect(stderr).toBe('The broker does not answer: connect ECONNREFUSED 127.0.0.1:1\n');
    expect(exitCode).toBe(exitCodes.cannotCheck);
  });
});

describe('a broker that does little', () => {
  it('fails, with a report for people on stdout and progress on stderr', async () => {
    const url = await broker(useless, `checker:${password}@`);
    const { stdout, stderr, exitCode } = await check([url, ...quick]);
    expect(exitCode).toBe(exitCodes.failures);
    expect(stdout).toMatch(/^Conformance of http:\/\/127\.0\.0\.1:\d+\/base\n/);
    expect(stdout).toMatch(/^[1-9]\d* failures at must and client-needed level/m);
    expect(stdout).toContain('you are [redacted]');
    expect(stderr).toMatch(/^Catalog: \d+ passed/m);
    for (const output of [stdout, stderr]) {
      expect(output).not.toContain(password);
      expect(output).not.toContain(basic);
      expect(output).not.toContain('\u001b');
    }
  });

  it('is reported as JSON on stdout, also where the URL follows --json, and as XML in a file', async () => {
    const file = join(folder, 'report.xml');
    const words = [...login(), ...quick, '--only', 'catalog,bind', '--skip', '24', '--junit', file, '--json'];
    const { stdout, stderr, exitCode } = await check([...words, await broker(useless)]);
    const { results, summary } = JSON.parse(stdout) as JsonReport;
    expect(new Set(results.map(({ group }) => group))).toEqual(new Set(['Catalog', 'Bind']));
    expect(results.filter(({ items }) => items.includes(24))).toEqual([]);
    expect(summary.failed.must + summary.failed.client + summary.blocked).toBeGreaterThan(0);
    expect(exitCode).toBe(summary.failed.must + summary.failed.client > 0 ? 1 : 2);
    expect(stderr).toMatch(/ at must and client-needed level/);
    const xml = await readFile(file, 'utf8');
    expect(xml).toMatch(/^<\?xml[\s\S]*<testsuite name="Bind"[\s\S]*<\/testsuites>\n$/);
  });
});

describe('interrupted', () => {
  /** Begins to make instances; the first that it is to delete interrupts the checker. */
  async function interruptedAtDelete(deleted: Reply, onDelete: (child: Child) => void) {
    let child: Child | undefined;
    let seen = false;
    const url = await broker((request) => {
      if (request.method === 'PUT') return { status: 201, body: {} };
      if (request.method !== 'DELETE') return useless(request);
      if (!seen && child !== undefined) onDelete(child);
      seen = true;
      return deleted;
    });
    child = start([url, ...login(), ...quick, '--only', 'provision', '--request-timeout', '600']);
    return ended(child);
  }

  it.each(['SIGINT', 'SIGTERM'] as const)('by %s it cleans up and reports what it knows', async (signal) => {
    const { stdout, stderr, exitCode } = await interruptedAtDelete({ status: 410 }, (child) =>
      child.kill(signal),
    );
    expect(stderr).toContain('Interrupted: cleaning up, again to stop at once.\n');
    expect(stdout).toContain('The run was interrupted: this report is not complete.');
    expect(stdout).not.toContain('Not cleaned up');
    expect(exitCode).toBe(exitCodes.interrupted);
  });

  it('twice it stops at once and says what may be left', async () => {
    const { stdout, stderr, exitCode } = await interruptedAtDelete('never', (child) => {
      child.kill('SIGINT');
      setTimeout(() => child.kill('SIGINT'), 300);
    });
    expect(stderr).toMatch(
      /Stopped\. What the broker may still have:\n {4}curl -s -i -u "\$AUTH" -X DELETE .*"\$BROKER"'\/base\/v2\/service_instances\//,
    );
    expect(stderr).not.toContain(basic);
    expect([stdout, exitCode]).toEqual(['', exitCodes.interrupted]);
  });
});
