import { randomInt } from 'node:crypto';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/**
 * A random password of URI-safe letters and digits, so that it needs no escaping in a URI, JDBC URL, shell or YAML.
 * @param length number of characters; 32 carry about 190 bits
 */
export function generatePassword(length = 32): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
}
