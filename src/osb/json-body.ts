import { type Request, type RequestHandler, raw } from 'express';
import { ChandlerError } from '../domain/errors.ts';
import { isJsonObject, type JsonObject } from '../lib/json.ts';
import { parseJson } from './parse-json.ts';

const longestBody = 1024 * 1024;

/** Reads the body of PUT and PATCH as it is; nothing reads one on GET and DELETE, where clients send empty ones. */
export const readBody: RequestHandler = raw({ type: () => true, limit: longestBody, inflate: false });

/**
 * The body as a JSON object. A missing Content-Type is forgiven, another one than JSON is not.
 * @throws ChandlerError `MalformedRequest`
 */
export function jsonBody(request: Request): JsonObject {
  const type = request.get('content-type')?.split(';')[0]?.trim().toLowerCase();
  if (type !== undefined && type !== '' && !/^application\/([-\w.]+\+)?json$/.test(type)) {
    throw new ChandlerError('MalformedRequest', {
      sentence: 'The Content-Type is not JSON. Send a JSON object with Content-Type: application/json.',
    });
  }
  const body: unknown = request.body;
  if (!Buffer.isBuffer(body) || body.length === 0) {
    throw new ChandlerError('MalformedRequest', { sentence: 'The body is empty. Send a JSON object.' });
  }
  const value = parseJson(body);
  if (!isJsonObject(value)) {
    throw new ChandlerError('MalformedRequest', {
      sentence: 'The body is not a JSON object. Send one JSON object.',
    });
  }
  return value;
}
