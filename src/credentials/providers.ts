import { createPostgresqlProvider } from './postgresql.ts';
import type { CredentialsProvider } from './types.ts';

/** The provider of each engine that a plan may name. */
export function createProviders(): Record<string, CredentialsProvider> {
  return { postgresql: createPostgresqlProvider() };
}
