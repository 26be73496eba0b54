import { createHash } from 'node:crypto';
import compression from 'compression';
import type { Request, RequestHandler, Response } from 'express';
import type { Catalog } from '../catalog/types.ts';

/** The catalog holds no secrets, so it alone may be compressed (a compressed secret can be guessed by its length). */
export const compressCatalog: RequestHandler = compression();

/**
 * GET /v2/catalog (OSBAPI "Catalog Management"). Platforms fetch it again and again: one that knows the document by its
 * ETag or its time gets 304. The ETag is weak, because compression changes the bytes.
 */
export function serveCatalog({
  document,
  loadedAt,
}: Catalog): (_request: Request, response: Response) => void {
  const text = JSON.stringify(document);
  const etag = `W/"${createHash('sha256').update(text).digest('base64url')}"`;
  return (_request, response) => {
    response.set({
      ETag: etag,
      'Last-Modified': loadedAt.toUTCString(),
      'Cache-Control': 'private, no-cache',
      'Content-Type': 'application/json; charset=utf-8',
    });
    // Where the request knows them already, Express makes this a 304.
    response.status(200).send(text);
  };
}
