/** What every engine says of a server that does not do what it should, without a credential in any of it. */
import { ChandlerError } from '../domain/errors.ts';
import { authority } from '../lib/authority.ts';
import type { ServerLogin } from './server-login.ts';

/** The private cause of an engine's error: the code and message that its client gave, and who was logged in. */
export function engineCause(engine: string, login: ServerLogin, { code, message }: ClientFault): Error {
  const told = message.replaceAll(login.password.reveal(), '[redacted]');
  return new Error(`${engine} as ${login.username}: ${code} ${told}`);
}

export interface ClientFault {
  code: string;
  message: string;
}

/** Nobody answers there. Passes: a server starts, moves or comes back. */
export function serverAbsent(login: ServerLogin, cause: Error): ChandlerError {
  return new ChandlerError('ServerUnreachable', {
    cause,
    sentence: `The server of this service instance does not answer at ${authority(login)}. Chandler must be able to reach the cluster IP of its Service.`,
  });
}

export function serverBusy(cause: Error): ChandlerError {
  return new ChandlerError('ServerUnreachable', {
    cause,
    sentence: 'The server of this service instance is busy.',
  });
}

export function loginRefused(cause: Error): ChandlerError {
  return new ChandlerError('CredentialsRejected', {
    cause,
    sentence: 'The server of this service instance refused the login that Chandler used.',
  });
}

/** @param what the server refused it with, for example `SQLSTATE 42501`; never its message */
export function statementRefused(what: string, cause: Error): ChandlerError {
  return new ChandlerError('CredentialsRejected', {
    cause,
    sentence: `The server of this service instance refused a statement (${what}).`,
  });
}
