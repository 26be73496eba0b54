/** A lock between processes of one machine that the kernel releases when its holder dies, however it dies. */
import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Binding the same address twice fails. Linux has addresses without a file; elsewhere a loopback port must do. */
function addressOf(name: string): { path: string } | { host: string; port: number } {
  const digest = createHash('sha256').update(name).digest();
  return process.platform === 'linux'
    ? { path: `\0chandler-${digest.toString('hex').slice(0, 32)}` }
    : { host: '127.0.0.1', port: 20_000 + (digest.readUInt32BE() % 10_000) };
}

function bind(name: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    );
    server.listen(addressOf(name), () => resolve(server));
  });
}

/** Runs `work` while no other process of this machine runs one under the same name. */
export async function withProcessLock<T>(name: string, work: () => Promise<T>): Promise<T> {
  let server = await bind(name);
  while (server === undefined) {
    await sleep(50);
    server = await bind(name);
  }
  const held = server;
  try {
    return await work();
  } finally {
    await new Promise((resolve) => held.close(resolve));
  }
}
