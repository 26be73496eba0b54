import express, { type Express } from 'express';
import { ChandlerError } from '../domain/errors.ts';
import { checkApiVersion } from './api-version.ts';
import { basicAuth } from './basic-auth.ts';
import { handleErrors } from './error-handler.ts';
import { createHealthRoutes } from './health-routes.ts';
import { createOsbRoutes } from './osb-routes.ts';
import { identifyRequest } from './request-identity.ts';
import type { AppDeps } from './types.ts';

/**
 * The HTTP application. The order of the middlewares is the order of the errors: 401, then 412,
 * then what is wrong with the path and the body, then the use case's own.
 */
export function createApp(deps: AppDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.use(identifyRequest(deps.events));
  app.use(createHealthRoutes(deps));
  app.use('/v2', basicAuth(deps.credentials), checkApiVersion, createOsbRoutes(deps));
  app.use(() => {
    throw new ChandlerError('UnknownRoute');
  });
  app.use(handleErrors(deps.events));
  return app;
}
