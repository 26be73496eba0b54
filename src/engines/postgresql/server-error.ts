/** Turns what `pg` and the network throw into errors of the catalogue, without a credential in any of them. */
import { DatabaseError } from 'pg';
import { ChandlerError } from '../../domain/errors.ts';
import { engineCause, loginRefused, serverAbsent, serverBusy, statementRefused } from '../engine-errors.ts';
import type { ServerLogin } from '../server-login.ts';

// Appendix A of the PostgreSQL manual. Class 08: connection; 53: out of resources; 40: rolled back for concurrency.
const absentClasses = ['08'];
const absentStates = ['57P01', '57P02', '57P03', '25006'];
const busyClasses = ['53', '40'];
const busyStates = ['55P03', '55006', '57014'];
const refusedLoginClass = '28';

// Errors that `pg` raises itself carry no code.
const lostConnection =
  /^(Connection terminated|timeout expired|Query read timeout|Client has encountered a connection error)/;

/**
 * `ServerUnreachable` for what passes (server absent, starting, stopping, full, busy), `CredentialsRejected` for what
 * an admin must mend, `Internal` for a fault of ours. The cause keeps code and message alone: detail and context of a
 * server error may hold data of the tenant.
 */
export function toServerError(thrown: unknown, login: ServerLogin): ChandlerError {
  if (thrown instanceof ChandlerError) return thrown;
  if (!(thrown instanceof Error)) return new ChandlerError('Internal');
  const code = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : '';
  const cause = engineCause('PostgreSQL', login, { code, message: thrown.message });

  if (thrown instanceof DatabaseError) return fromSqlState(code, cause);
  if (/^E[A-Z_]+$/.test(code) || lostConnection.test(thrown.message)) {
    return serverAbsent(login, cause);
  }
  if (thrown.message.startsWith('SASL')) return loginRefused(cause);
  return new ChandlerError('Internal', { cause });
}

/** Whether the server answered with this SQLSTATE. */
export function hasSqlState(thrown: unknown, state: string): boolean {
  return thrown instanceof DatabaseError && thrown.code === state;
}

function fromSqlState(state: string, cause: Error): ChandlerError {
  const stateClass = state.slice(0, 2);
  // XX000 is a bug of the server, but for this one: two sessions changed the same row of a shared catalog.
  const raced = state === 'XX000' && cause.message.includes('tuple concurrently');
  if (absentClasses.includes(stateClass) || absentStates.includes(state)) {
    return new ChandlerError('ServerUnreachable', { cause });
  }
  if (raced || busyClasses.includes(stateClass) || busyStates.includes(state)) {
    return serverBusy(cause);
  }
  if (stateClass === refusedLoginClass) return loginRefused(cause);
  return statementRefused(`SQLSTATE ${state}`, cause);
}
