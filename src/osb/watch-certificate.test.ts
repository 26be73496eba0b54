import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeCertificate, type TestCertificate } from '../../test/support/certificate.ts';
import { type Certificate, readCertificate, watchCertificate } from './watch-certificate.ts';

let files: TestCertificate;
beforeAll(async () => {
  files = await makeCertificate();
});
afterAll(() => files.remove());

it('takes a renewed certificate once, and keeps the old one while the files are wrong', async () => {
  const taken: Certificate[] = [];
  const faults: unknown[] = [];
  const server = {
    setSecureContext: (certificate: object) => {
      if ((certificate as Certificate).cert === 'broken') throw new Error('no certificate');
      taken.push(certificate as Certificate);
    },
  };
  const options = { ...files, onFault: (cause: unknown) => faults.push(cause) };
  const stop = watchCertificate(server, options, await readCertificate(options), 5);
  try {
    await writeFile(files.certFile, 'broken');
    await expect.poll(() => faults.length).toBeGreaterThan(0);
    expect(taken).toEqual([]);
    await files.renew();
    await expect.poll(() => taken.at(-1)?.cert).toBe(await files.read());
    await expect.poll(() => taken.at(-1)?.key).toBe(await readFile(files.keyFile, 'utf8'));
    const count = taken.length;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(taken).toHaveLength(count);
  } finally {
    stop();
  }
});
