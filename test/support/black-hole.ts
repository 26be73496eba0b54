/** A TCP proxy that can turn into a black hole: connections stay open, and nothing gets through any more. */
import { connect, createServer, type Socket } from 'node:net';

/** Something on its way that does not arrive yet. */
export interface Held {
  /** Resolves when it is there. */
  reached: Promise<void>;
  letGo(): void;
}

/** One that can be reached and let go. */
export function newHeld(): Held & { arrive(): void; gone: Promise<void> } {
  const { promise: reached, resolve: arrive } = Promise.withResolvers<void>();
  const { promise: gone, resolve: letGo } = Promise.withResolvers<void>();
  return { reached, arrive, gone, letGo };
}

export interface BlackHole {
  /** The given URL, through the proxy. */
  url: string;
  /** From now on bytes are swallowed, and nobody is told. */
  swallow(): void;
  /** From now on bytes pass again; what was swallowed is lost, so only new connections are of use. */
  restore(): void;
  /** The next bytes of a client that hold this text wait until they are let go, and all that follows them. */
  holdNext(text: string): Held;
  /** How many connections were asked for so far, also those that the other side refused. */
  connections(): number;
  close(): void;
}

export async function startBlackHole(databaseUrl: string): Promise<BlackHole> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let swallowing = false;
  let connections = 0;
  let next: { text: string; held: ReturnType<typeof newHeld> } | undefined;
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
        if (lost) return;
        if (from === near && next !== undefined && bytes.includes(next.text)) {
          const { held } = next;
          next = undefined;
          near.pause();
          held.arrive();
          void held.gone.then(() => {
            to.write(bytes);
            near.resume();
          });
        } else to.write(bytes);
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
    holdNext(text) {
      const held = newHeld();
      next = { text, held };
      return held;
    },
    connections: () => connections,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
