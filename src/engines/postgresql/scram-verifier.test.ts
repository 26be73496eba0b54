import { createHash, createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { Redacted } from '../../lib/redacted.ts';
import { scramVerifier } from './scram-verifier.ts';

// The exchange of RFC 7677, section 3: user "user", password "pencil".
const salt = 'W22ZaJ0SNY7soEsUEjb6gQ==';
const authMessage = [
  'n=user,r=rOprNGfwEbeRWgbNEkqO',
  `r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=${salt},i=4096`,
  'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
].join(',');
const clientProof = 'dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=';
const serverSignature = '6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=';

test('the verifier accepts the proof and gives the signature of the exchange in RFC 7677', async () => {
  const verifier = await scramVerifier(new Redacted('pencil'), Buffer.from(salt, 'base64'));
  const [, storedKey = '', serverKey = ''] =
    /^SCRAM-SHA-256\$4096:W22ZaJ0SNY7soEsUEjb6gQ==\$([^:]+):(.+)$/.exec(verifier) ?? [];

  const clientSignature = hmac(storedKey);
  const clientKey = Buffer.from(clientProof, 'base64').map((byte, at) => byte ^ (clientSignature[at] ?? 0));
  expect(createHash('sha256').update(clientKey).digest('base64')).toBe(storedKey);
  expect(hmac(serverKey).toString('base64')).toBe(serverSignature);
});

test('two verifiers of one password differ, for each has a salt of its own', async () => {
  const password = new Redacted('pencil');
  expect(await scramVerifier(password)).not.toBe(await scramVerifier(password));
});

test('a password that SASLprep could change is refused without being named', async () => {
  await expect(scramVerifier(new Redacted('pässwörd'))).rejects.toThrow('a password must be printable ASCII');
});

function hmac(key: string): Buffer {
  return createHmac('sha256', Buffer.from(key, 'base64')).update(authMessage).digest();
}
