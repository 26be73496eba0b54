import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface ListenOptions {
  host: string;
  /** 0 lets the system choose. */
  port: number;
}

export interface Listening {
  /** For example `http://127.0.0.1:8080`. */
  url: string;
  port: number;
  /**
   * Takes no new connections, lets the requests that run come to their end, and after `graceMs` ends the rest.
   * Resolves when no connection is left.
   */
  close(graceMs: number): Promise<void>;
}

/** Time to send the headers, and the whole request. Against clients that hold connections open with a trickle of bytes. */
const headersTimeout = 10_000;
const requestTimeout = 30_000;
/** Longer than the idle time of most proxies in front, so that they close first and no request meets a closing socket. */
const keepAliveTimeout = 75_000;
/** How long a shutdown waits for the first request on a connection that was just opened. */
const firstRequestGraceMs = 500;

/** Serves an application over HTTP. @throws when the address cannot be bound */
export async function listen(app: RequestListener, options: ListenOptions): Promise<Listening> {
  const server = createServer({
    headersTimeout,
    requestTimeout,
    keepAliveTimeout,
    connectionsCheckingInterval: 5000,
  });
  const connections = new Set<Socket>();
  /** Requests under way by connection. */
  const requests = new Map<Socket, number>();
  let closing = false;
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  server.on('request', ({ socket }, response) => {
    requests.set(socket, (requests.get(socket) ?? 0) + 1);
    response.once('close', () => {
      const left = (requests.get(socket) ?? 1) - 1;
      if (left > 0) requests.set(socket, left);
      else requests.delete(socket);
      // Kept alive through a shutdown, the connection would only be idle afterwards.
      if (closing) setImmediate(() => server.closeIdleConnections());
    });
  });
  server.on('request', app);
  server.on('clientError', answerClientError);

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { address, family, port } = server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    port,
    close: (graceMs) =>
      new Promise((resolve, reject) => {
        closing = true;
        const timers = [
          setTimeout(() => server.closeAllConnections(), graceMs),
          // Node does not count a connection as idle before its first request.
          setTimeout(() => {
            for (const socket of connections) if (!requests.has(socket)) socket.destroy();
          }, firstRequestGraceMs),
        ];
        server.close((error) => {
          for (const timer of timers) clearTimeout(timer);
          if (error === undefined) resolve();
          else reject(error);
        });
        server.closeIdleConnections();
      }),
  };
}

/** Answers in JSON what Node's parser refused before the application saw it: oversized headers, raw bytes, timeouts. */
function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  const [status, word, description] = clientErrors[error.code ?? ''] ?? malformedError;
  const body = JSON.stringify({ error: word, description });
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

const malformedError = ['400 Bad Request', 'BadRequest', 'The request is not valid HTTP.'] as const;
const clientErrors: Record<string, readonly [string, string, string]> = {
  HPE_HEADER_OVERFLOW: [
    '431 Request Header Fields Too Large',
    'HeadersTooLarge',
    'The headers of the request are too large. Send less than 16 KiB.',
  ],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'RequestTimeout', 'The request did not arrive in time.'],
};
