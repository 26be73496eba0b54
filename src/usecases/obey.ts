import { ChandlerError } from '../domain/errors.ts';
import type { Reaction } from '../domain/state-matrix.ts';

export type Permitted = Exclude<Reaction, { does: 'refuse' }>['does'];

/**
 * What the state matrix lets a request do.
 * @throws ChandlerError the refusal of the matrix
 */
export function obey(reaction: Reaction): Permitted {
  if (reaction.does !== 'refuse') return reaction.does;
  const { code, sentence } = reaction;
  throw new ChandlerError(code, sentence === undefined ? {} : { sentence });
}

/** For a cell that this use case cannot meet; the state matrix and the use case then disagree. */
export function unexpected(does: Permitted): ChandlerError {
  return new ChandlerError('Internal', { cause: new Error(`the state matrix says ${does}`) });
}
