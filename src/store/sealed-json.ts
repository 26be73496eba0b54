/** JSON in and out of sealed columns. What comes out was put in by us, under a key that only we hold. */
import type { JsonObject } from '../lib/json.ts';
import type { RowSeal } from '../lib/sealed.ts';

export function sealJson(seal: RowSeal, column: string, value: JsonObject): string {
  return seal.seal(column, JSON.stringify(value));
}

export function unsealJson<T extends object = JsonObject>(seal: RowSeal, column: string, sealed: string): T {
  return JSON.parse(seal.unseal(column, sealed)) as T;
}
