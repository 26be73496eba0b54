/** The parts of this Chandler that plans and inventories name. */
import type { CredentialsProvider } from '../credentials/types.ts';
import { ChandlerError } from '../domain/errors.ts';
import type { ExternalProvisioner } from '../provisioners/types.ts';
import type { WorkerDeps } from './types.ts';

/** @throws ChandlerError `Internal` when the plan was made by a Chandler that knew more engines */
export function providerOf(
  { providers }: Pick<WorkerDeps, 'providers'>,
  engine: string,
): CredentialsProvider {
  return named(providers, engine, 'credentials provider');
}

/** @throws ChandlerError `Internal` when the plan was made by a Chandler that knew more provisioners */
export function provisionerOf(
  { externals }: Pick<WorkerDeps, 'externals'>,
  name: string,
): ExternalProvisioner {
  return named(externals, name, 'provisioner');
}

function named<T>(parts: Readonly<Record<string, T>>, name: string, what: string): T {
  const found = Object.hasOwn(parts, name) ? parts[name] : undefined;
  if (found !== undefined) return found;
  throw new ChandlerError('Internal', { cause: new Error(`there is no ${what} named ${name}`) });
}
