import { fieldOf, isRefusal } from '../answers.ts';
import { asText } from '../json.ts';
import { originatingIdentity } from '../platforms/specification.ts';
import type { Tools } from '../tools.ts';
import type { Check } from '../types.ts';
import { accepted, assume, expectStatus, expectThat } from '../verdict.ts';
import type { Edit } from '../wire/exchange.ts';
import { everyEndpoint } from './every-endpoint.ts';
import { expectNoDifference } from './gone.ts';

const group = 'Transport';
const version = 'x-broker-api-version';

/** Whether the broker wants credentials at all; the client may have been given none. */
function assumeCredentials(tools: Tools): void {
  const sent = tools.run.catalog.headers.authorization;
  assume(sent !== undefined, 'the checker was given no credentials, so the broker seems to want none');
}

/** Endpoints that a broker needs not have. What is not there may be told to anybody. */
const optional = new Set(['update', 'fetch instance', 'fetch binding', 'poll binding']);
const absent = [405, 501];

async function refusedEverywhere(tools: Tools, authorization: string | undefined): Promise<void> {
  assumeCredentials(tools);
  for (const draft of everyEndpoint(tools, { headers: { authorization } })) {
    const answer = await tools.send(draft);
    if (optional.has(draft.endpoint) && absent.includes(answer.answer.status)) continue;
    expectStatus(answer, [401], `${draft.endpoint} was answered without right credentials`);
  }
}

/** Ids are opaque, and encoded in the path. Many frameworks do not let an encoded slash or percent sign pass. */
const oddIds = [
  {
    id: 'ids-opaque',
    title: 'any letters, digits, dots, dashes and underscores',
    characters: 'Check_of.A-9',
  },
  {
    id: 'ids-encoded',
    title: 'a space and letters beyond ASCII, percent-encoded in the path',
    characters: 'check ä',
  },
  {
    id: 'ids-slash',
    title: 'a slash and signs of URLs, percent-encoded in the path',
    characters: 'check/&?=+%',
  },
];

export const transportChecks: readonly Check[] = [
  {
    id: 'credentials-missing',
    ...{ group, items: [1], level: 'must', lane: 'broker' },
    title: 'every endpoint answers 401 when there are no credentials',
    run: (tools) => refusedEverywhere(tools, undefined),
  },
  {
    id: 'credentials-wrong',
    ...{ group, items: [1], level: 'must', lane: 'broker' },
    title: 'every endpoint answers 401 to wrong credentials',
    run: (tools) => refusedEverywhere(tools, 'Basic bm9ib2R5OndpdGggYSB3cm9uZyBwYXNzd29yZA=='),
  },
  {
    id: 'credentials-challenge',
    ...{ group, items: [1], level: 'client', lane: 'broker' },
    title: 'a 401 has a WWW-Authenticate header',
    async run(tools) {
      assumeCredentials(tools);
      const answer = await tools.send(tools.catalog({ headers: { authorization: undefined } }));
      assume(answer.answer.status === 401, 'nothing is answered 401');
      expectThat(answer.answer.headers['www-authenticate'] !== undefined, '401 without WWW-Authenticate');
    },
  },
  {
    id: 'credentials-first',
    ...{ group, items: [1, 22], level: 'client', lane: 'broker' },
    title: 'missing credentials are named before a missing version or a bad body',
    async run(tools) {
      assumeCredentials(tools);
      const bad = { headers: { authorization: undefined, [version]: undefined } };
      expectStatus(await tools.send(tools.catalog(bad)), [401]);
      expectStatus(await tools.send(tools.instance().provision({ ...bad, raw: '{' })), [401]);
    },
  },
  {
    id: 'version-missing',
    ...{ group, items: [3, 145], level: 'should', lane: 'broker' },
    title: 'a request without X-Broker-API-Version is refused with 412 (or 400)',
    async run(tools) {
      expectStatus(await tools.send(tools.catalog({ headers: { [version]: undefined } })), [412, 400]);
    },
  },
  {
    id: 'version-major',
    ...{ group, items: [4], level: 'client', lane: 'broker' },
    title: 'an API version of another major number is refused with 412',
    async run(tools) {
      expectStatus(await tools.send(tools.catalog({ headers: { [version]: '3.0' } })), [412]);
    },
  },
  {
    id: 'version-sentence',
    ...{ group, items: [4], level: 'should', lane: 'broker' },
    title: 'the refusal of a version has a description that names the versions to send',
    async run(tools) {
      const answer = await tools.send(tools.catalog({ headers: { [version]: '1.0' } }));
      assume(answer.answer.status === 412, 'no version is refused');
      expectThat(
        /\b2(\.\d+)?\b/.test(asText(fieldOf(answer, 'description'))),
        'the description of the 412 names no version',
      );
    },
  },
  {
    id: 'version-newer',
    ...{ group, items: [4], level: 'client', lane: 'broker' },
    title: 'a newer minor version is accepted',
    async run(tools) {
      for (const newer of ['2.18', '2.99']) {
        expectStatus(await tools.send(tools.catalog({ headers: { [version]: newer } })), [200], newer);
      }
    },
  },
  {
    id: 'version-older',
    ...{ group, items: [4], level: 'client', lane: 'broker' },
    title: 'the versions of platforms in use (2.13, 2.14, 2.15) are accepted',
    async run(tools) {
      for (const older of ['2.13', '2.14', '2.15']) {
        expectStatus(await tools.send(tools.catalog({ headers: { [version]: older } })), [200], older);
      }
    },
  },
  {
    id: 'identity-absent',
    ...{ group, items: [5, 135], level: 'client', lane: 'plan' },
    title: 'a request without originating identity is accepted',
    async run(tools) {
      const without = { headers: { 'x-broker-api-originating-identity': undefined } };
      expectStatus(await tools.send(tools.catalog(without)), [200]);
      const request = (edit?: Edit) => tools.instance().deprovision(edit);
      await expectNoDifference(tools, request, without, 'without X-Broker-API-Originating-Identity');
    },
  },
  {
    id: 'identity-lean',
    ...{ group, items: [5], level: 'client', lane: 'plan' },
    title: 'an originating identity with an empty uid and without groups is accepted',
    async run(tools) {
      const identity = originatingIdentity('kubernetes', { username: 'check', uid: '' });
      const headers = { 'x-broker-api-originating-identity': identity };
      const request = (edit?: Edit) => tools.instance().deprovision(edit);
      await expectNoDifference(tools, request, { headers }, 'to this identity');
    },
  },
  {
    id: 'identity-malformed',
    ...{ group, items: [5], level: 'should', lane: 'own' },
    title: 'a malformed originating identity is refused with 400 or ignored, and no fault',
    async run(tools) {
      for (const identity of ['nonsense', 'kubernetes !!!', 'kubernetes bm8ganNvbg==']) {
        const headers = { 'x-broker-api-originating-identity': identity };
        const answer = await tools.send(tools.instance().provision({ headers }));
        expectStatus(answer, [400, ...accepted]);
      }
    },
  },
  {
    id: 'request-identity-echoed',
    ...{ group, items: [6], level: 'should', lane: 'broker' },
    title: 'X-Broker-API-Request-Identity comes back in answers, errors included',
    async run(tools) {
      const name = 'x-broker-api-request-identity';
      const identity = 'e26cee84-6b38-4456-b34e-d1a9f002c956';
      const headers = { [name]: identity };
      const drafts = [tools.catalog({ headers }), tools.instance().poll('provision', undefined, { headers })];
      for (const draft of drafts) {
        const { answer } = await tools.send(draft);
        expectThat(answer.headers[name] === identity, `${answer.status} came back without the header`);
      }
    },
  },
  {
    id: 'content-type-missing',
    ...{ group, items: [8], level: 'should', lane: 'own' },
    title: 'a body without Content-Type is read as JSON',
    async run(tools) {
      const edit = { headers: { 'content-type': undefined } };
      expectStatus(await tools.send(tools.instance().provision(edit)), accepted);
    },
  },
  {
    id: 'content-type-wrong',
    ...{ group, items: [8], level: 'should', lane: 'own' },
    title: 'a body of another Content-Type is refused with 400 (or 415)',
    async run(tools) {
      const edit = { headers: { 'content-type': 'text/plain' }, raw: 'service_id=check' };
      expectStatus(await tools.send(tools.instance().provision(edit)), [400, 415]);
    },
  },
  {
    id: 'content-type-without-body',
    ...{ group, items: [9], level: 'client', lane: 'plan' },
    title: 'GET and DELETE with a JSON Content-Type and no body work',
    async run(tools) {
      const headers = { 'content-type': 'application/json' };
      expectStatus(await tools.send(tools.catalog({ headers })), [200]);
      const requests = [
        (edit?: Edit) => tools.instance().poll('provision', undefined, edit),
        (edit?: Edit) => tools.instance().deprovision(edit),
      ];
      for (const request of requests) {
        await expectNoDifference(tools, request, { headers }, 'with Content-Type and no body');
      }
    },
  },
  ...oddIds.map(
    ({ id, title, characters }): Check => ({
      id,
      ...{ group, items: [11, 58], level: 'should', lane: 'own' },
      title: `an instance id may hold ${title}`,
      async run(tools) {
        const instance = tools.instance({}, `${characters}${Date.now().toString(36)}`);
        const created = await tools.send(instance.provision());
        expectStatus(created, accepted, `the id is "${instance.id}"`);
        const { state, description } = await tools.settle(instance, 'provision', created);
        expectThat(state === 'succeeded', `the provision failed: ${description}`);
        await tools.remove(instance);
      },
    }),
  ),
  {
    id: 'unknown-path',
    ...{ group, items: [13], level: 'should', lane: 'broker' },
    title: 'a path that the API does not have is refused with a 4xx',
    async run(tools) {
      const draft = { ...tools.catalog(), endpoint: 'elsewhere' as const, path: '/v2/conformance-check' };
      const answer = await tools.send(draft);
      const { status } = answer.answer;
      expectThat(isRefusal(answer), `expected 404, got ${status}: a platform would take it for an endpoint`);
    },
  },
];
