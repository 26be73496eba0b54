/** Installs what the tests compare with, where this machine can: PostgreSQL 15 from Debian, beside the 18 from npm. */
import { ensurePackages, missingPackages, onPath } from '../../cluster/local-node/debian.ts';

const packages = ['postgresql-15'];

export async function setup(): Promise<void> {
  const say = (message: string) => process.stdout.write(`packages: ${message}\n`);
  const able = process.getuid?.() === 0 && (await onPath('apt-get')) !== undefined;
  if (!able || (await missingPackages(packages)).length === 0) return;
  await ensurePackages(packages, say).catch((thrown: unknown) => {
    say(`${String(thrown)}; the tests on PostgreSQL 15 are skipped`);
  });
}
