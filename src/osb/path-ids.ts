import type { Request } from 'express';
import { ChandlerError } from '../domain/errors.ts';

/** Bytes of UTF-8: two ids and a platform must fit into one entry of an index (Postgres: about 2,700 bytes). */
const longestId = 1000;

/**
 * An opaque id from the path, already decoded by the router. Anything is legal that can be stored: slashes, dots, emoji.
 * @throws ChandlerError `MalformedRequest`
 */
export function pathId(request: Request, name: 'instance_id' | 'binding_id'): string {
  const id = request.params[name];
  if (typeof id !== 'string' || id === '') {
    throw new ChandlerError('MalformedRequest', { sentence: `The ${name} in the path is empty.` });
  }
  if (Buffer.byteLength(id) > longestId) {
    throw new ChandlerError('MalformedRequest', {
      sentence: `The ${name} in the path is longer than ${longestId} bytes. Send a shorter one.`,
    });
  }
  if (id.includes('\0') || !id.isWellFormed()) {
    throw new ChandlerError('MalformedRequest', {
      sentence: `The ${name} in the path holds a NUL character, which cannot be stored. Remove it.`,
    });
  }
  return id;
}
