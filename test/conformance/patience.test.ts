/** A broker that hangs, never ends or never deletes costs a run little time, and what it may keep is reported. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { check } from '../support/check-options.ts';

const catalog = {
  services: [
    {
      ...{ id: 's', name: 'service', description: 'd', bindable: true },
      plans: [{ id: 'p', name: 'plan', description: 'd' }],
    },
  ],
};

let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** @returns the URL of a broker that has a catalog and answers the rest as said */
async function brokerThat(
  answers: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const started = createServer((request, response) => {
    request.resume();
    response.setHeader('content-type', 'application/json');
    if (request.url === '/v2/catalog') response.end(JSON.stringify(catalog));
    else answers(request, response);
  });
  server = started;
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(started.address() as AddressInfo).port}`;
}

const run = { pollMs: 5, operationMs: 500, parallel: 2 };

it('stops asking a broker that answers nothing', async () => {
  const url = await brokerThat((request) => request.socket.destroy());
  const report = await check(url, { ...run, only: ['provision', 'bind', 'update'] });
  expect(report.requests).toBeLessThan(200);
  const blocked = report.results.filter(({ message }) => message?.includes('did not answer'));
  expect(blocked.length).toBeGreaterThan(30);
});

it('does not wait for more than a few operations that never end', async () => {
  const url = await brokerThat((request, response) => {
    if (request.method === 'GET') response.end('{"state":"in progress"}');
    else response.writeHead(202).end('{}');
  });
  const report = await check(url, { ...run, only: ['provision', 'bind', 'update'] });
  expect(report.milliseconds).toBeLessThan(15_000);
  expect(report.results.some(({ message }) => message?.includes('did not end in time'))).toBe(true);
  expect(report.leftovers.length).toBeGreaterThan(0);
});

it('says soon what it could not delete', async () => {
  const url = await brokerThat((request, response) => {
    response.writeHead(request.method === 'DELETE' ? 500 : 201).end('{}');
  });
  const report = await check(url, { ...run, operationMs: 60_000, only: ['provision', 'race*'] });
  expect(report.milliseconds).toBeLessThan(20_000);
  expect(report.leftovers.length).toBeGreaterThan(10);
});

it('deletes at last what a provision made that had no answer in time', async () => {
  const instances = new Set<string>();
  const url = await brokerThat((request, response) => {
    const id = request.url?.split('?')[0]?.split('/')[3] ?? '';
    const answer = (status: number) => response.writeHead(status).end('{}');
    if (request.method === 'DELETE') answer(instances.delete(id) ? 200 : 410);
    else if (request.method === 'PUT') {
      // It does not notice that nobody waits any more.
      setTimeout(() => {
        instances.add(id);
        answer(201);
      }, 600);
    } else answer(404);
  });
  const report = await check(url, { ...run, pollMs: 20, requestTimeoutMs: 50, only: ['provision-repeat'] });
  await sleep(700);
  expect(report.leftovers).toEqual([]);
  expect([...instances]).toEqual([]);
});

it('survives a token that no URL can hold, and a body without end', async () => {
  const url = await brokerThat((request, response) => {
    if (request.method === 'PUT') response.writeHead(202).end('{"operation":"op-\\ud83d"}');
    else if (request.method === 'GET') response.write('x'.repeat(6_000_000));
    else response.writeHead(410).end('{}');
  });
  const report = await check(url, { ...run, only: ['poll*', 'provision'] });
  expect(report.results.some(({ message }) => message?.includes('larger than 5 MB'))).toBe(true);
});
