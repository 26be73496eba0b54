import type { RequestHandler } from 'express';
import { ChandlerError, errorCatalogue } from '../domain/errors.ts';
import { callerOf } from './basic-auth.ts';

const least = { major: 2, minor: 11 };

/** Refuses requests whose X-Broker-API-Version is missing, or is not 2.11 or a later 2.x. */
export const checkApiVersion: RequestHandler = (request, response, next) => {
  const version = request.get('x-broker-api-version')?.trim();
  if (version === undefined || version === '') {
    throw callerOf(response).options.missingApiVersion === 'bad-request'
      ? new ChandlerError('MalformedRequest', { sentence: errorCatalogue.MissingApiVersion.sentence })
      : new ChandlerError('MissingApiVersion');
  }
  const parts = /^(\d{1,6})\.(\d{1,6})$/.exec(version);
  if (parts === null) {
    throw new ChandlerError('MalformedRequest', {
      sentence:
        'The header X-Broker-API-Version is not a version. Send the version of the Open Service Broker API, for example 2.17.',
    });
  }
  if (Number(parts[1]) !== least.major || Number(parts[2]) < least.minor) {
    throw new ChandlerError('UnsupportedApiVersion');
  }
  next();
};
