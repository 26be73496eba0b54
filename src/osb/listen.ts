import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { readCertificate, type TlsOptions, watchCertificate } from './watch-certificate.ts';

export interface ListenOptions {
  host: string;
  /** 0 lets the system choose. */
  port: number;
  /** Without it, plain HTTP. */
  tls?: TlsOptions;
}

export interface Listening {
  /** For example `http://127.0.0.1:8080`; with TLS `https:`. */
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

const limits = { headersTimeout, requestTimeout, keepAliveTimeout, connectionsCheckingInterval: 5000 };

interface Opened {
  server: Server;
  /** Begins to look for renewed certificates. @returns ends it */
  watch(): () => void;
}

async function openServer({ tls }: ListenOptions): Promise<Opened> {
  if (tls === undefined) return { server: createServer(limits), watch: () => () => undefined };
  const certificate = await readCertificate(tls);
  const server = createTlsServer({ ...limits, ...certificate, handshakeTimeout: headersTimeout });
  return { server, watch: () => watchCertificate(server, tls, certificate) };
}

/** Serves an application over HTTP or HTTPS. @throws when the address cannot be bound, or the certificate not be read */
export async function listen(app: RequestListener, options: ListenOptions): Promise<Listening> {
  const { server, watch } = await openServer(options);
  /** Of TCP; under TLS a request has a socket of its own above it. */
  const transports = new Set<Socket>();
  const connections = new Set<Socket>();
  /** Requests under way by connection. */
  const requests = new Map<Socket, number>();
  let closing = false;
  const keep = (sockets: Set<Socket>) => (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  };
  server.on('connection', keep(transports));
  server.on(options.tls === undefined ? 'connection' : 'secureConnection', keep(connections));
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
  const stopWatch = watch();
  const { address, family, port } = server.address() as AddressInfo;
  const scheme = options.tls === undefined ? 'http' : 'https';
  return {
    url: `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    port,
    close: (graceMs) =>
      new Promise((resolve, reject) => {
        closing = true;
        const timers = [
          setTimeout(() => {
            server.closeAllConnections();
            for (const socket of transports) socket.destroy();
          }, graceMs),
          // Node does not count a connection as idle before its first request.
          setTimeout(() => {
            for (const socket of connections) if (!requests.has(socket)) socket.destroy();
          }, firstRequestGraceMs),
        ];
        server.close((error) => {
          for (const timer of timers) clearTimeout(timer);
          stopWatch();
          if (error === undefined) resolve();
          else reject(error);
        });
        server.closeIdleConnections();
      }),
  };
}

/** Answers in JSON what Node's parser refused before the application saw it: oversized headers, raw bytes, timeouts. */
function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  const code = error.code ?? '';
  // A handshake that failed leaves nothing to answer on.
  const isOfHttp = /^(HPE_|ERR_HTTP_)/.test(code);
  if (!isOfHttp || !socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  const [status, word, description] = clientErrors[code] ?? malformedError;
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
