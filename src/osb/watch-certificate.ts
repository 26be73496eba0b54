/** Certificates are renewed while a broker runs: cert-manager and kubelet write the new one into the same files. */
import { readFile } from 'node:fs/promises';
import type { Server } from 'node:https';

export interface TlsOptions {
  /** PEM: the certificate, followed by its chain. */
  certFile: string;
  keyFile: string;
  /** Told when the files cannot be read or do not belong together; the certificate read before then stays. */
  onFault(cause: unknown): void;
}

export interface Certificate {
  cert: string;
  key: string;
}

export async function readCertificate({ certFile, keyFile }: TlsOptions): Promise<Certificate> {
  const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')]);
  return { cert, key };
}

/**
 * Looks into the files again and again; connections that are made after a change get the new certificate.
 * @param current what the server was started with
 * @returns ends the watch
 */
export function watchCertificate(
  server: Pick<Server, 'setSecureContext'>,
  options: TlsOptions,
  current: Certificate,
  everyMs = 60_000,
): () => void {
  let used = current;
  const look = async () => {
    try {
      const found = await readCertificate(options);
      if (found.cert === used.cert && found.key === used.key) return;
      server.setSecureContext(found);
      used = found;
    } catch (cause) {
      options.onFault(cause);
    }
  };
  const timer = setInterval(() => void look(), everyMs);
  timer.unref();
  return () => clearInterval(timer);
}
