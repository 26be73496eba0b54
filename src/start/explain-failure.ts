import { CatalogInvalid } from '../catalog/types.ts';
import { ConfigInvalid } from '../config/config.ts';
import { ChandlerError } from '../domain/errors.ts';
import { KeyFileError } from '../lib/key-file.ts';
import { StatementFailed } from '../store/database-errors.ts';
import { redactText } from '../telemetry/redact-fields.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Names of further errors whose message alone tells the reader what to mend. */
const readableNames = [
  'ClusterError',
  'KeyMismatch',
  'HelmError',
  // Its message holds no value of an object.
  'KubeError',
  'QuickstartFailed',
  'RotationRefused',
  'OrphanRefused',
  // Of chandler check.
  'WrongUsage',
  'CannotCheck',
  'NoSuchPlan',
  'NoSuchCheck',
];
/** SQLSTATEs of a table or column that does not exist. */
const schemaIsMissing = ['42P01', '42703'];

/**
 * What a command prints about the error that ended it. Whoever runs a command is an admin and is told the private
 * cause, which platforms never see. Errors that nobody foresaw come with their stack and their causes, since a command
 * that ends has nobody else to log them.
 */
export function explainFailure(thrown: unknown, environment: Environment): string {
  if (!(thrown instanceof Error)) return redactText(String(thrown));
  if (thrown instanceof ChandlerError) return explainChandlerError(thrown, environment);
  if (isAddressTaken(thrown)) return addressTaken(thrown);
  const readable =
    thrown instanceof ConfigInvalid ||
    thrown instanceof CatalogInvalid ||
    thrown instanceof KeyFileError ||
    readableNames.includes(thrown.name);
  return readable ? thrown.message : traceOf(thrown);
}

interface AddressTaken extends Error {
  address: string;
  port: number;
}

function isAddressTaken(thrown: Error): thrown is AddressTaken {
  return 'code' in thrown && thrown.code === 'EADDRINUSE' && 'address' in thrown && 'port' in thrown;
}

function addressTaken({ address, port }: AddressTaken): string {
  return `Another program listens on port ${port} of ${address} already: end it, or give Chandler another port with CHANDLER_PORT.`;
}

function explainChandlerError(error: ChandlerError, environment: Environment): string {
  const { code, message, cause } = error;
  if (cause instanceof StatementFailed && schemaIsMissing.includes(cause.sqlState)) {
    return `The database${placesOf(environment)} has no schema yet, or an old one: run \`chandler migrate\`, or start with \`chandler serve --migrate\`.`;
  }
  if (code === 'Internal') return traceOf(cause ?? error);
  if (!(cause instanceof Error)) return message;
  const reason = redactText(reasonOf(cause));
  if (code === 'StoreUnavailable') return `The Postgres${placesOf(environment)} cannot be used: ${reason}.`;
  return `${message} (${reason})`;
}

/** Where the environment says that Chandler's state is, without logins. */
function placesOf(environment: Environment): string {
  const places = ['DATABASE_URL', 'CHANDLER_LISTEN_URL'].flatMap((variable) => {
    const url = URL.parse(environment[variable] ?? '');
    return url === null ? [] : [`${variable} (${url.hostname}:${url.port || '5432'}${url.pathname})`];
  });
  return places.length === 0 ? ' of Chandler' : ` at ${places.join(' or ')}`;
}

/** Node's error of a name with several addresses has no message of its own. */
function reasonOf(cause: Error): string {
  if (!(cause instanceof AggregateError)) return cause.message;
  return cause.errors.map((each) => (each instanceof Error ? each.message : String(each))).join(', ');
}

function traceOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return redactText(String(thrown));
  const trace = redactText(thrown.stack ?? thrown.message);
  return thrown.cause === undefined ? trace : `${trace}\nCaused by: ${traceOf(thrown.cause)}`;
}
