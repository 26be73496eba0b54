import type { BindSpec } from '../domain/offering.ts';
import { createPostgresqlProvider } from './postgresql.ts';
import type { CredentialsProvider } from './types.ts';

/** The provider of each engine that a plan may name. */
export function createProviders(): Record<BindSpec['engine'], CredentialsProvider> {
  return { postgresql: createPostgresqlProvider() };
}
