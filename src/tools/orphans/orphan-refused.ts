/** Why a finding cannot be settled as asked; the message says what to do instead. */
export class OrphanRefused extends Error {
  override readonly name = 'OrphanRefused';
}
