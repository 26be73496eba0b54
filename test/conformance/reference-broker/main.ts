/**
 * A broker in memory that follows every rule of the OSB API 2.17 that the conformance checker knows: the checker must
 * find nothing to blame here. It shares no code with Chandler and needs only Node, so that a test can copy this folder,
 * break one rule by replacing one text, and see the checker notice.
 *
 * Numbers in brackets are items of the OSBAPI checklist (docs/osbapi.md of Chandler has the same numbers).
 *
 * Prints {"url"} as one line of JSON, and runs until SIGTERM or until stdin closes. REFERENCE_DELAY_MS says how long
 * an asynchronous operation takes. An instance or update with the parameter "notes": "please fail" fails at the end of
 * its asynchronous operation; a synchronous plan takes it for any other note. GET /debug/books counts what there is.
 */
import type { AddressInfo } from 'node:net';
import { createBroker } from './http-server.ts';

const server = createBroker();
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${port}` })}\n`);
});

const stop = () => process.exit(0);
process.once('SIGTERM', stop);
process.stdin.once('close', stop).resume();
