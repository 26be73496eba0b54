import { createHash, timingSafeEqual } from 'node:crypto';
import type { RequestHandler, Response } from 'express';
import { ChandlerError } from '../domain/errors.ts';
import type { Caller } from '../usecases/caller.ts';
import { type BasicCredential, localsOf } from './types.ts';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** User name and password of a basic Authorization header (RFC 7617), split at the first colon. */
function parseBasic(header: string | undefined): { username: string; password: string } | undefined {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/**
 * Finds whose credential a request carries. Digests of equal length are compared in constant time, and every credential
 * is evaluated, so that the time tells nothing about which part was wrong (CVE-2018-15759).
 */
export function basicAuth(credentials: readonly BasicCredential[]): RequestHandler {
  const known = credentials.map(({ username, password, ...caller }) => ({
    caller,
    username: digest(username),
    password: digest(password.reveal()),
  }));
  return (request, response, next) => {
    const given = parseBasic(request.get('authorization'));
    const username = digest(given?.username ?? '');
    const password = digest(given?.password ?? '');
    let caller: Caller | undefined;
    for (const each of known) {
      const sameUsername = timingSafeEqual(each.username, username);
      const samePassword = timingSafeEqual(each.password, password);
      if (given !== undefined && sameUsername && samePassword) caller = each.caller;
    }
    if (caller === undefined) {
      response.set('WWW-Authenticate', 'Basic realm="Open Service Broker", charset="UTF-8"');
      throw new ChandlerError('Unauthorized');
    }
    localsOf(response).caller = caller;
    next();
  };
}

/** @throws ChandlerError `Unauthorized` when the route is not behind authentication */
export function callerOf(response: Response): Caller {
  const { caller } = localsOf(response);
  if (caller === undefined) throw new ChandlerError('Unauthorized');
  return caller;
}
