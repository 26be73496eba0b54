import { ChandlerError } from '../domain/errors.ts';
import type { ServerLogin } from '../engines/server-login.ts';
import type { EngineTarget } from './types.ts';

export interface ServerTarget {
  /** What apps use. */
  address: { host: string; port: number };
  /** What Chandler itself uses. */
  reach: { host: string; port: number };
  admin: ServerLogin;
}

/**
 * An instance as those engines need it that log in at a server.
 * @param engine as people call it, for the sentence of the error
 * @throws ChandlerError `TemplateFailed` when the plan names no admin secret, or has no address
 */
export function serverOf({ address, reach, admin }: EngineTarget, engine: string): ServerTarget {
  if (address === undefined || reach === undefined || admin === undefined) {
    throw new ChandlerError('TemplateFailed', {
      sentence: `Bindings of a ${engine} plan need bind.admin, the secret with the login of its admin, and the outputs \`host\` and \`port\`.`,
    });
  }
  return { address, reach, admin: { ...reach, ...admin } };
}
