import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { type Answer, credential, type Sent } from '../../support/osb-client.ts';
import { type Entry, sequenceAsCurl } from './as-curl.ts';

const token = '36ac070b-d60f-46d8-a154-fd53548baa03';
const url = 'http://127.0.0.1:8080';
const headers = `-H 'authorization: ${credential}' -H 'x-broker-api-version: 2.17'`;

const answerOf = (status: number, json: Answer['json']): Answer => ({
  status,
  headers: {},
  text: JSON.stringify(json),
  json,
});
const entryOf = (name: string, sent: Sent, answer: Answer | undefined, atOnce = false): Entry => ({
  kind: 'request',
  name,
  sent,
  ...(answer === undefined ? {} : { answer }),
  expected: '200',
  atOnce,
});

const provision: Sent = { method: 'PUT', path: '/v2/service_instances/i?x=1', body: { note: "it's" } };
const poll: Sent = { path: `/v2/service_instances/i/last_operation?operation=${token}` };
const deprovision: Sent = { method: 'DELETE', path: '/v2/service_instances/i' };
const accepted = answerOf(202, { operation: token });

it('prints each request as a line, between what it is and what it got', () => {
  const text = sequenceAsCurl(url, [
    entryOf('provision instance 0', provision, answerOf(201, {})),
    { kind: 'note', text: '(the provision ends)' },
    entryOf('deprovision instance 0', deprovision, undefined),
  ]);
  expect(text.split('\n')).toEqual([
    '# provision instance 0',
    `curl -sSi -X PUT ${headers} -H 'content-type: application/json' --data-binary '{"note":"it'\\''s"}' '${url}/v2/service_instances/i?x=1'`,
    '#   got      201 {}',
    '#   expected 200',
    '# (the provision ends)',
    '# deprovision instance 0',
    `curl -sSi -X DELETE ${headers} '${url}/v2/service_instances/i'`,
    '#   got      no answer',
    '#   expected 200',
  ]);
});

it('sends at once what was sent at once', () => {
  const text = sequenceAsCurl(url, [
    entryOf('first', deprovision, accepted),
    entryOf('second', deprovision, accepted, true),
    entryOf('third', deprovision, accepted),
  ]);
  const commands = text.split('\n').map((line) => line.replace(/^curl .*'/, 'curl'));
  expect(commands.filter((line) => !line.startsWith('#  '))).toEqual([
    '# at once:',
    '# first',
    'curl &',
    '# second',
    'curl &',
    'wait',
    '# third',
    'curl',
  ]);
});

it.each([
  ['after another', false],
  ['at once', true],
])('run again, %s, a poll names the operation of that run', async (_how, atOnce) => {
  const text = sequenceAsCurl(url, [
    entryOf('a poll before', { path: '/v2/catalog' }, answerOf(200, {})),
    entryOf('provision', provision, accepted, atOnce),
    entryOf('poll', poll, answerOf(200, { state: 'succeeded' })),
  ]);
  const curl = `curl() { echo "\${@: -1}" >&2; echo '{"operation":"another"}'; }`;
  const { stderr } = await promisify(execFile)('bash', ['--norc', '-euc', `${curl}\n${text}`]);
  expect(stderr.trim().split('\n').sort()).toEqual([
    `${url}/v2/catalog`,
    `${url}/v2/service_instances/i/last_operation?operation=another`,
    `${url}/v2/service_instances/i?x=1`,
  ]);
});
