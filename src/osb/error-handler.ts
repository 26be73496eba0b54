import type { ErrorRequestHandler } from 'express';
import { ChandlerError, toChandlerError } from '../domain/errors.ts';
import type { Events } from '../telemetry/events.ts';
import { presentError } from './presenters.ts';
import { localsOf } from './types.ts';

/** Turns whatever was thrown into an answer of the error catalogue. What a client should not see is only logged. */
export function handleErrors(events: Events): ErrorRequestHandler {
  // Express knows an error handler by its four parameters.
  return (thrown: unknown, _request, response, _next) => {
    const error = fromFramework(thrown) ?? toChandlerError(thrown);
    const locals = localsOf(response);
    locals.errorCode = error.code;
    if (error.status >= 500) {
      events.requestFaulted({
        requestId: locals.requestId,
        route: locals.route ?? 'unknown',
        errorCode: error.code,
        cause: error.cause ?? error,
      });
    }
    if (response.headersSent) {
      response.destroy();
      return;
    }
    // A body that was refused unread would be taken for the next request.
    if (error.code === 'RequestTooLarge') response.set('Connection', 'close');
    presentError(response, error);
  };
}

/** Errors of the router and of the body reader say in `status` that the request is at fault. */
function fromFramework(thrown: unknown): ChandlerError | undefined {
  if (!(thrown instanceof Error) || thrown instanceof ChandlerError) return undefined;
  const status = 'status' in thrown ? thrown.status : undefined;
  if (typeof status !== 'number' || status < 400 || status >= 500) return undefined;
  if (status === 413) return new ChandlerError('RequestTooLarge', { cause: thrown });
  if (thrown instanceof URIError) {
    return new ChandlerError('MalformedRequest', {
      sentence: 'The percent-encoding of the path is malformed. Encode each id as UTF-8 (RFC 3986).',
      cause: thrown,
    });
  }
  if (status === 415) {
    return new ChandlerError('MalformedRequest', {
      sentence: 'The Content-Encoding is not supported. Send the body uncompressed.',
      cause: thrown,
    });
  }
  return new ChandlerError('MalformedRequest', { cause: thrown });
}
