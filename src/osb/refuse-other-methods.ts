import type { RequestHandler } from 'express';
import { ChandlerError } from '../domain/errors.ts';

/**
 * The last handler of a route: 405 with `Allow` for what no other handler took. OPTIONS is among it, which Express
 * would answer by itself, with a text.
 */
export function refuseOtherMethods(allowed: readonly string[]): RequestHandler {
  return (request, response) => {
    response.set('Allow', allowed.join(', '));
    throw new ChandlerError('MethodNotAllowed', {
      sentence: `This path does not support ${request.method}. Use ${allowed.join(' or ')}.`,
    });
  };
}
