/** Self-signed certificates for 127.0.0.1, made with openssl. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';

export interface TestCertificate {
  certFile: string;
  keyFile: string;
  /** Makes another one in the same files. */
  renew(): Promise<void>;
  /** For a client that shall trust it. */
  read(): Promise<string>;
  remove(): Promise<void>;
}

export async function makeCertificate(): Promise<TestCertificate> {
  const folder = await mkdtemp(join(tmpdir(), 'chandler-test-certificate-'));
  const [certFile, keyFile] = [join(folder, 'tls.crt'), join(folder, 'tls.key')];
  const renew = async () => {
    const kind = [
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '1',
    ];
    const name = ['-subj', '/CN=chandler', '-addext', 'subjectAltName=IP:127.0.0.1'];
    await execa('openssl', ['req', ...kind, ...name, '-out', certFile, '-keyout', keyFile]);
  };
  await renew();
  return {
    certFile,
    keyFile,
    renew,
    read: () => readFile(certFile, 'utf8'),
    remove: () => rm(folder, { recursive: true }),
  };
}
