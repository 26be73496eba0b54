import { createServer, type Socket } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, expect, test } from 'vitest';
import { Redacted } from '../../lib/redacted.ts';
import type { ServerLogin } from '../server-login.ts';
import { asAdmin } from './connection.ts';

const password = new Redacted('correct-horse');
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

test('a server that takes connections and never answers passes after the connect timeout of 5 s', async () => {
  const login = await listening(() => undefined);
  const started = performance.now();
  await expect(asAdmin(login, 'postgres', work)).rejects.toMatchObject({
    code: 'ServerUnreachable',
    retry: true,
  });
  expect(performance.now() - started).toBeLessThan(8_000);
}, 15_000);

test.each([
  ['57P03', 'the database system is starting up', 'ServerUnreachable', true],
  ['57P01', 'terminating connection due to administrator command', 'ServerUnreachable', true],
  ['53300', 'sorry, too many clients already', 'ServerUnreachable', true],
  ['08P01', 'server conn crashed?', 'ServerUnreachable', true],
  ['25006', 'cannot execute CREATE ROLE in a read-only transaction', 'ServerUnreachable', true],
  ['40P01', 'deadlock detected', 'ServerUnreachable', true],
  ['57014', 'canceling statement due to statement timeout', 'ServerUnreachable', true],
  ['XX000', 'tuple concurrently updated', 'ServerUnreachable', true],
  ['XX000', 'cache lookup failed', 'CredentialsRejected', false],
  ['28000', 'no pg_hba.conf entry for host', 'CredentialsRejected', false],
  ['28P01', 'password authentication failed', 'CredentialsRejected', false],
  ['3D000', 'database does not exist', 'CredentialsRejected', false],
  ['42501', 'permission denied', 'CredentialsRejected', false],
])('SQLSTATE %s, "%s", is %s', async (state, message, code, retry) => {
  const login = await listening((socket) => socket.end(errorResponse(state, message)));
  await expect(asAdmin(login, 'postgres', work)).rejects.toMatchObject({ code, retry });
});

test('a server that cannot be reached is named, with what Chandler needs to reach it', async () => {
  const at = { port: 1, username: 'admin', password };
  const sentence = (host: string) =>
    `The server of this service instance does not answer at ${host}:1. Chandler must be able to reach the cluster IP of its Service.`;
  await expect(asAdmin({ ...at, host: '127.0.0.1' }, 'postgres', work)).rejects.toMatchObject({
    code: 'ServerUnreachable',
    message: sentence('127.0.0.1'),
  });
  await expect(asAdmin({ ...at, host: '::1' }, 'postgres', work)).rejects.toMatchObject({
    message: sentence('[::1]'),
  });
});

test('a server that hangs up at once passes', async () => {
  const login = await listening((socket) => socket.end());
  await expect(asAdmin(login, 'postgres', work)).rejects.toMatchObject({ code: 'ServerUnreachable' });
});

test('a server that tells our password back does not get it into the error', async () => {
  const login = await listening((socket) =>
    socket.end(errorResponse('42601', `syntax error at "${password.reveal()}"`)),
  );
  const error: unknown = await asAdmin(login, 'postgres', work).catch((thrown: unknown) => thrown);
  const printed = inspect(error, { depth: null, showHidden: true });
  expect(printed).toContain('syntax error at "[redacted]"');
  expect(printed).not.toContain(password.reveal());
});

async function work(): Promise<never> {
  throw new Error('the connection was not expected to open');
}

/** A server on the loopback interface that does `answer` to whoever sends the start-up packet. */
async function listening(answer: (socket: Socket) => void): Promise<ServerLogin> {
  const server = createServer((socket) => {
    cleanups.push(() => socket.destroy());
    socket.on('error', () => undefined);
    socket.once('data', () => answer(socket));
  });
  cleanups.push(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { host: '127.0.0.1', port: address.port, username: 'admin', password };
}

/** ErrorResponse of the frontend/backend protocol, version 3. */
function errorResponse(state: string, message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${state}\0M${message}\0\0`);
  const head = Buffer.from('E\0\0\0\0');
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}
