/** An OCI registry and a classic chart repository on loopback, with TLS: as much of both as helm needs. */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { makeCertificate } from './certificate.ts';

export interface ChartRegistry {
  /** `127.0.0.1:port` */
  host: string;
  caFile: string;
  /** A folder for what a test packs. */
  folder: string;
  /** `helm push`, to `oci://host/charts`. */
  push(archive: string): Promise<void>;
  /** Puts packed charts (and their .prov) into the classic repository `https://host/repository`. */
  publish(...archives: string[]): Promise<void>;
  /** Puts other bytes in the place of a file of the classic repository. */
  replace(name: string, content: Buffer): void;
  /** From now on the OCI registry asks for this `user:password`, or for none. */
  askFor(login: string | undefined): void;
  /** How many requests came. */
  requests(): number;
  stop(): Promise<void>;
}

export async function startChartRegistry(helmPath: string): Promise<ChartRegistry> {
  const certificate = await makeCertificate();
  const folder = await mkdtemp(join(tmpdir(), 'chandler-test-registry-'));
  const blobs = new Map<string, Buffer>();
  const manifests = new Map<string, Buffer>();
  const files = new Map<string, Buffer>();
  let login: string | undefined;
  let requests = 0;

  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    requests += 1;
    const url = new URL(request.url ?? '/', 'https://127.0.0.1');
    const answer = (status: number, body: Buffer = Buffer.alloc(0), headers: Record<string, string> = {}) =>
      response
        .writeHead(status, { 'Content-Length': body.length, ...headers })
        .end(request.method === 'HEAD' ? undefined : body);
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    if (url.pathname.startsWith('/repository/')) {
      const file = files.get(url.pathname.slice('/repository/'.length));
      return answer(file === undefined ? 404 : 200, file);
    }
    const expected = login === undefined ? undefined : `Basic ${Buffer.from(login).toString('base64')}`;
    if (expected !== undefined && request.headers.authorization !== expected) {
      return answer(401, undefined, { 'WWW-Authenticate': 'Basic realm="charts"' });
    }
    if (url.pathname === '/v2/') return answer(200);
    const [, kind = '', reference = ''] = /\/(blobs|manifests)\/(.*)$/.exec(url.pathname) ?? [];
    if (kind === 'blobs' && request.method === 'POST') {
      return answer(202, undefined, { Location: `${url.pathname}upload` });
    }
    if (kind === 'blobs' && request.method === 'PUT') {
      blobs.set(url.searchParams.get('digest') ?? '', body);
      return answer(201, undefined, { Location: url.pathname });
    }
    if (kind === 'manifests' && request.method === 'PUT') {
      for (const name of [reference, sha256(body)]) manifests.set(name, body);
      return answer(201, undefined, { 'Docker-Content-Digest': sha256(body) });
    }
    const found = (kind === 'blobs' ? blobs : manifests).get(reference);
    if (found === undefined) return answer(404);
    return answer(200, found, {
      'Docker-Content-Digest': sha256(found),
      'Content-Type':
        kind === 'blobs' ? 'application/octet-stream' : 'application/vnd.oci.image.manifest.v1+json',
    });
  };

  const options = { cert: await readFile(certificate.certFile), key: await readFile(certificate.keyFile) };
  const server = createServer(options, (request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    host,
    caFile: certificate.certFile,
    folder,
    async push(archive) {
      await execa(helmPath, ['push', archive, `oci://${host}/charts`, '--ca-file', certificate.certFile]);
    },
    async publish(...archives) {
      const site = join(folder, 'site');
      await mkdir(site, { recursive: true });
      for (const archive of archives) {
        for (const file of [archive, `${archive}.prov`]) {
          const content = await readFile(file).catch(() => undefined);
          if (content !== undefined) await writeFile(join(site, file.split('/').at(-1) ?? ''), content);
        }
      }
      await execa(helmPath, ['repo', 'index', site]);
      for (const name of await readdir(site)) files.set(name, await readFile(join(site, name)));
    },
    replace: (name, content) => files.set(name, content),
    askFor: (wanted) => {
      login = wanted;
    },
    requests: () => requests,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await certificate.remove();
      await rm(folder, { recursive: true });
    },
  };
}

function sha256(content: Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

export interface PackedTestChart {
  path: string;
  digest: string;
}

/** `helm package` of a folder. @param signer as makeSigner gives it */
export async function packTestChart(
  helmPath: string,
  chart: string,
  destination: string,
  signer?: Signer,
): Promise<PackedTestChart> {
  const sign =
    signer === undefined ? [] : ['--sign', '--key', signer.name, '--keyring', signer.secretKeyring];
  const { stdout } = await execa(helmPath, ['package', chart, '--destination', destination, ...sign]);
  const path = /saved it to: (.*)$/m.exec(stdout)?.[1] ?? '';
  return { path, digest: sha256(await readFile(path)) };
}

export interface Signer {
  name: string;
  secretKeyring: string;
  publicKeyring: string;
}

/** Without it, what is about signatures is skipped. */
export async function hasGpg(): Promise<boolean> {
  const { failed } = await execa('gpg', ['--version'], { reject: false });
  return !failed;
}

/** A key of GnuPG without a password, as helm wants it: exported, since it does not read the keyboxes of today. */
export async function makeSigner(folder: string, name: string): Promise<Signer> {
  const home = join(folder, `gnupg-${name}`);
  await mkdir(home, { mode: 0o700 });
  const gpg = (...args: string[]) =>
    execa('gpg', [
      '--homedir',
      home,
      '--batch',
      '--yes',
      '--pinentry-mode',
      'loopback',
      '--passphrase',
      '',
      ...args,
    ]);
  await gpg('--quick-generate-key', `${name} <${name}@example.com>`, 'rsa2048', 'sign', 'never');
  const signer = { name, secretKeyring: join(home, 'secring.gpg'), publicKeyring: join(home, 'pubring.gpg') };
  await gpg('--output', signer.secretKeyring, '--export-secret-keys');
  await gpg('--output', signer.publicKeyring, '--export');
  await execa('gpgconf', ['--homedir', home, '--kill', 'all'], { reject: false });
  return signer;
}
