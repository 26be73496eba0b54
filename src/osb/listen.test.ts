import { request } from 'node:https';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { makeCertificate } from '../../test/support/certificate.ts';
import { listen } from './listen.ts';

describe('the server', () => {
  it('closes gracefully: a request under way is answered, an idle connection closed', async () => {
    const { promise: release, resolve } = Promise.withResolvers<void>();
    const server = await listen(
      (_request, response) => {
        void release.then(() => response.end('{"done":true}'));
      },
      { host: '127.0.0.1', port: 0 },
    );
    const idle = connect(server.port, '127.0.0.1');
    const idleClosed = new Promise<void>((done) => idle.on('close', () => done()));
    const answer = fetch(`${server.url}/`).then((response) => response.json());
    await sleep(100);
    const began = performance.now();
    const closed = server.close(20_000);
    setTimeout(resolve, 700);
    expect(await answer).toEqual({ done: true });
    await closed;
    await idleClosed;
    expect(performance.now() - began).toBeLessThan(10_000);
    await expect(fetch(`${server.url}/`)).rejects.toThrow();
  });

  it('does not wait for ever for a request that never ends', async () => {
    const server = await listen(() => undefined, { host: '127.0.0.1', port: 0 });
    const answer = fetch(`${server.url}/`);
    answer.catch(() => undefined);
    await sleep(50);
    await server.close(100);
    await expect(answer).rejects.toThrow();
  });

  it('says when its address is taken', async () => {
    const first = await listen(() => undefined, { host: '127.0.0.1', port: 0 });
    await expect(listen(() => undefined, { host: '127.0.0.1', port: first.port })).rejects.toThrow(
      /EADDRINUSE/,
    );
    await first.close(1_000);
  });

  it('speaks TLS when it has a certificate, and closes gracefully then, too', async () => {
    const certificate = await makeCertificate();
    const { promise: release, resolve } = Promise.withResolvers<void>();
    const server = await listen(
      (_request, response) => {
        void release.then(() => response.end('done'));
      },
      { host: '127.0.0.1', port: 0, tls: { ...certificate, onFault: () => undefined } },
    );
    expect(server.url).toBe(`https://127.0.0.1:${server.port}`);
    const idle = connect(server.port, '127.0.0.1');
    const idleClosed = new Promise<void>((done) => idle.on('close', () => done()));
    const ca = await certificate.read();
    const answer = new Promise<number | undefined>((done, fail) => {
      const sent = request(server.url, { ca, agent: false }, (response) => {
        response.resume();
        response.on('end', () => done(response.statusCode));
      });
      sent.on('error', fail).end();
    });
    await expect(fetch(server.url.replace('https', 'http'))).rejects.toThrow();
    await sleep(100);
    const closed = server.close(1000);
    setTimeout(resolve, 100);
    expect(await answer).toBe(200);
    await closed;
    await idleClosed;
    await certificate.remove();
  });

  it('does not start without a certificate that it can read', async () => {
    const tls = { certFile: '/nowhere', keyFile: '/nowhere', onFault: () => undefined };
    await expect(listen(() => undefined, { host: '127.0.0.1', port: 0, tls })).rejects.toThrow(/ENOENT/);
  });
});
