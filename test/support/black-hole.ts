/** A TCP proxy that can turn into a black hole: connections stay open, and nothing gets through any more. */
import { connect, createServer, type Socket } from 'node:net';

export interface BlackHole {
  /** The given URL, through the proxy. */
  url: string;
  /** From now on bytes are swallowed, and nobody is told. */
  swallow(): void;
  /** From now on bytes pass again; what was swallowed is lost, so only new connections are of use. */
  restore(): void;
  /** How many connections were asked for so far, also those that the other side refused. */
  connections(): number;
  close(): void;
}

export async function startBlackHole(databaseUrl: string): Promise<BlackHole> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let swallowing = false;
  let connections = 0;
  const server = createServer((near) => {
    connections += 1;
    const far = connect(Number(target.port || 5432), target.hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      let lost = false;
      from.on('data', (bytes) => {
        lost ||= swallowing;
        if (!lost) to.write(bytes);
      });
      from.on('error', () => undefined);
      from.on('close', () => {
        sockets.delete(from);
        if (!swallowing) to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const through = new URL(databaseUrl);
  through.host = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  return {
    url: through.href,
    swallow: () => {
      swallowing = true;
    },
    restore: () => {
      swallowing = false;
    },
    connections: () => connections,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
