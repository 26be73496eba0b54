import { randomUUID } from 'node:crypto';
import type { RequestHandler } from 'express';
import type { Events } from '../telemetry/events.ts';
import { localsOf } from './types.ts';

/** Longer ones are still echoed, but cut in the logs. */
const longestLogged = 200;

/**
 * Gives each request an id, echoes the platform's own one (X-Broker-API-Request-Identity) on every
 * answer, errors included, and reports the request when it is over.
 */
export function identifyRequest(events: Events): RequestHandler {
  return (request, response, next) => {
    const begun = performance.now();
    const requestId = randomUUID();
    localsOf(response).requestId = requestId;
    response.set('X-Request-Id', requestId);
    const identity = request.get('x-broker-api-request-identity');
    if (identity !== undefined) response.set('X-Broker-API-Request-Identity', identity);

    response.once('close', () => {
      const { route, caller, errorCode } = localsOf(response);
      events.requestFinished({
        requestId,
        method: request.method,
        route: route ?? 'unknown',
        status: response.statusCode,
        durationMs: Math.round(performance.now() - begun),
        ...(identity === undefined ? {} : { requestIdentity: identity.slice(0, longestLogged) }),
        ...(caller === undefined ? {} : { platform: caller.platform }),
        ...(errorCode === undefined ? {} : { errorCode }),
      });
    });
    next();
  };
}
