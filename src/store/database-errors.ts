/** What becomes of an error of the database or of what is sealed in it: one of ours, without the values that were bound to the statement. */
import knex from 'knex';
import pg from 'pg';
import { ChandlerError } from '../domain/errors.ts';
import { UnsealError } from '../lib/sealed.ts';
import { UniqueConflict } from './types.ts';

/** A statement that Postgres refused. Keeps what a reader of logs needs; details and bindings may hold user data. */
export class StatementFailed extends Error {
  override readonly name = 'StatementFailed';
  readonly sqlState: string;
  readonly constraint: string | undefined;
  constructor(error: pg.DatabaseError) {
    super(error.message);
    this.sqlState = error.code ?? '';
    this.constraint = error.constraint;
  }
}

const uniqueViolation = '23505';

/** SQLSTATEs and classes after which trying again later may help. */
const passingStates = [
  '08', // connection exception
  '28', // wrong credentials: for the caller the state is out of reach all the same
  '3D000', // no such database
  '53', // insufficient resources: too many connections, disk full
  '57', // shutdown, crash, starting up, statement timeout
  '25006', // read-only: in the middle of a failover
  '40', // deadlock, serialization
  '55P03', // lock timeout
  '25P03', // idle in transaction timeout
];

/** Calls of the system that only a connection makes; files have others. */
const socketCalls = new Set(['connect', 'read', 'write', 'getaddrinfo']);

/** What pg and tarn say without a code, at times behind the statement that knex puts before it. */
const lostConnection =
  /(^| - )(Connection terminated|timeout expired|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|Client was closed|aborted$|Unable to acquire a connection)/;

/** Whether pg gave up on an answer (`query_timeout`). */
export function isReadTimeout(error: Error): boolean {
  return error.message === 'Query read timeout';
}

function isConnectionFailure(error: Error): boolean {
  if (error instanceof AggregateError)
    return error.errors.every((each) => each instanceof Error && isConnectionFailure(each));
  if (error instanceof knex.KnexTimeoutError) return true;
  if ('syscall' in error && socketCalls.has(String(error.syscall))) return true;
  return lostConnection.test(error.message);
}

/** Turns what a query threw into ours; what is not of the database stays as it is. */
function translateDatabaseError(thrown: unknown): unknown {
  if (thrown instanceof pg.DatabaseError) {
    if (thrown.code === uniqueViolation) return new UniqueConflict(thrown.constraint ?? '');
    const cause = new StatementFailed(thrown);
    const passing = passingStates.some((state) => cause.sqlState.startsWith(state));
    return new ChandlerError(passing ? 'StoreUnavailable' : 'Internal', { cause });
  }
  if (thrown instanceof UnsealError) {
    return new ChandlerError(thrown.fault === 'unknown key' ? 'KeyUnknown' : 'SealBroken', { cause: thrown });
  }
  if (thrown instanceof Error && isConnectionFailure(thrown)) {
    return new ChandlerError('StoreUnavailable', { cause: thrown });
  }
  return thrown;
}

/** Runs `work` and translates what it throws. */
export async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw translateDatabaseError(thrown);
  }
}
