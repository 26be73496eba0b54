/** The certificate under which Chandler serves HTTPS itself. */
import { createSecureContext } from 'node:tls';
import type { TlsFiles } from './config.ts';
import { type ReadTextFile, reasonOf } from './read-secret-file.ts';
import type { Report } from './report.ts';

interface Values {
  CHANDLER_TLS_CERT_FILE?: string | undefined;
  CHANDLER_TLS_KEY_FILE?: string | undefined;
}

/**
 * Checks that certificate and key can be read and belong together.
 * @returns undefined without them, and when something is wrong; `report` was then told what
 */
export function readTls(values: Values, readTextFile: ReadTextFile, report: Report): TlsFiles | undefined {
  const certFile = values.CHANDLER_TLS_CERT_FILE;
  const keyFile = values.CHANDLER_TLS_KEY_FILE;
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined) {
    report('CHANDLER_TLS_CERT_FILE and CHANDLER_TLS_KEY_FILE must be set together.');
    return undefined;
  }
  try {
    createSecureContext({ cert: readTextFile(certFile), key: readTextFile(keyFile) });
    return { certFile, keyFile };
  } catch (error) {
    report(
      `CHANDLER_TLS_CERT_FILE and CHANDLER_TLS_KEY_FILE must name a certificate and its key, both in PEM: ${reasonOf(error)}.`,
    );
    return undefined;
  }
}
