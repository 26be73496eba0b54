import { createHash, createHmac, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import type { Redacted } from '../../lib/redacted.ts';

const derive = promisify(pbkdf2);

const iterations = 4096;
const saltBytes = 16;

/**
 * The SCRAM-SHA-256 verifier of a password in the form that `CREATE ROLE ... PASSWORD` stores as it is (RFC 5802
 * section 3, RFC 7677). Computed here, so that the clear password reaches neither the server nor its log.
 * @param salt 16 random bytes; given in tests
 * @throws Error when the password is not printable ASCII, where SASLprep (RFC 4013) would change nothing
 */
export async function scramVerifier(
  password: Redacted<string>,
  salt: Buffer = randomBytes(saltBytes),
): Promise<string> {
  const clear = password.reveal();
  if (!/^[\x20-\x7e]+$/.test(clear)) throw new Error('a password must be printable ASCII');
  const salted = await derive(clear, salt, iterations, 32, 'sha256');
  const storedKey = createHash('sha256').update(hmac(salted, 'Client Key')).digest('base64');
  const serverKey = hmac(salted, 'Server Key').toString('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${storedKey}:${serverKey}`;
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
