import { CatalogInvalid } from '../catalog/types.ts';
import { ConfigInvalid } from '../config/config.ts';
import { ChandlerError } from '../domain/errors.ts';
import { KeyFileError } from '../lib/key-file.ts';
import { StatementFailed } from '../store/database-errors.ts';

/** Names of further errors whose message alone tells the reader what to mend. */
const readableNames = ['ClusterError', 'KeyMismatch', 'HelmError', 'QuickstartFailed'];
/** SQLSTATEs of a table or column that does not exist. */
const schemaIsMissing = ['42P01', '42703'];

/**
 * What a command prints about the error that ended it. Whoever runs a command is an admin and is told the private
 * cause, which platforms never see. Errors that nobody foresaw come with their stack.
 */
export function explainFailure(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  if (thrown instanceof ChandlerError) return explainChandlerError(thrown);
  const readable =
    thrown instanceof ConfigInvalid ||
    thrown instanceof CatalogInvalid ||
    thrown instanceof KeyFileError ||
    readableNames.includes(thrown.name);
  return readable ? thrown.message : (thrown.stack ?? thrown.message);
}

function explainChandlerError({ code, message, cause }: ChandlerError): string {
  if (!(cause instanceof Error)) return message;
  if (code === 'StoreUnavailable')
    return `The Postgres that DATABASE_URL names cannot be used: ${cause.message}.`;
  if (cause instanceof StatementFailed && schemaIsMissing.includes(cause.sqlState)) {
    return 'The database at DATABASE_URL has not the schema of this version. Run `chandler migrate`, or serve with --migrate.';
  }
  if (code === 'Internal') return cause.stack ?? cause.message;
  return `${message} (${cause.message})`;
}
