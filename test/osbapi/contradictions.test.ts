/** Where the specification contradicts itself or its clients: what Chandler does, and what an option makes of it. */
import AjvDraft04 from 'ajv-draft-04';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OsbOptions, osbOptionsFor } from '../../src/domain/osb-options.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { Redacted } from '../../src/lib/redacted.ts';
import type { BasicCredential } from '../../src/osb/types.ts';
import { fakeRequests, freshId, type OsbBroker, startOsbBroker, untilOver } from '../support/osb-broker.ts';
import { type Answer, basic, type Sent } from '../support/osb-client.ts';
import { endpoints, requestOf } from './every-endpoint.ts';

/** A platform for each set of options, by its name. */
const platforms = {
  usual: {},
  strict: {
    missingApiVersion: 'bad-request',
    pollAfterDeletion: 'gone',
    unbindUnknown: 'ids-first',
    endpoints: 'numbers',
  },
  old: { endpoints: 'omit', bindingMetadata: 'omit', fetchedParameters: 'omit' },
} as const satisfies Record<string, Partial<OsbOptions>>;
type Platform = keyof typeof platforms;

const password = 'correct horse';
const credentials = Object.entries(platforms).map(
  ([platform, options]): BasicCredential => ({
    username: platform,
    password: new Redacted(password),
    platform,
    namespaces: ['*'],
    delivers: false,
    options: osbOptionsFor(platform, options),
  }),
);

let broker: OsbBroker;
beforeAll(async () => {
  broker = await startOsbBroker({ credentials });
});
afterAll(() => broker.close());

/** The broker as a platform sees it. */
const as = (platform: Platform) => ({
  send: ({ headers, ...sent }: Sent): Promise<Answer> =>
    broker.send({ ...sent, headers: { authorization: basic(platform, password), ...headers } }),
});

describe('a request without a version', () => {
  const requests = fakeRequests('quick');
  it.each(endpoints)(
    '[145] is answered by %s with 412, or as the option missingApiVersion says with 400',
    async (endpoint) => {
      for (const version of [undefined, '']) {
        const sent = {
          ...requestOf(endpoint, requests, 'binding'),
          headers: { 'x-broker-api-version': version },
        };
        const sentence = /X-Broker-API-Version is missing/;
        for (const [platform, status, error] of [
          ['usual', 412, 'PreconditionFailed'],
          ['strict', 400, 'BadRequest'],
        ] as const) {
          const answer = await as(platform).send(sent);
          expect([platform, answer.status, answer.json.error]).toEqual([platform, status, error]);
          expect(answer.json.description).toMatch(sentence);
        }
      }
    },
  );
});

describe('a poll after a deletion', () => {
  async function deleted(platform: Platform) {
    const [one, id] = [fakeRequests('slow'), freshId()];
    const { send } = as(platform);
    await send(one.provision());
    await untilOver({ send }, one.poll());
    await send(one.bind(id));
    await untilOver({ send }, one.pollBinding(id));
    const unbound = (await send(one.unbind(id))).json.operation as string;
    const unbind = await untilOver({ send }, one.pollBinding(id, `?operation=${unbound}`));
    const removed = (await send(one.deprovision())).json.operation as string;
    const deprovision = await untilOver({ send }, one.poll(`?operation=${removed}`));
    return { send, unbind, deprovision, polls: [one.poll(), one.pollBinding(id)] };
  }

  it('[146] says "succeeded" for a day, and then 410', async () => {
    const { send, unbind, deprovision, polls } = await deleted('usual');
    for (const answer of [unbind, deprovision]) {
      expect(answer).toMatchObject({ status: 200, json: { state: 'succeeded' } });
    }
    for (const poll of polls) expect((await send(poll)).json.state).toBe('succeeded');
    const finishedAgo = (interval: string) =>
      broker.query(`update operations set finished_at = clock_timestamp() - interval '${interval}'
                    where type in ('deprovision', 'unbind') and state = 'succeeded'`);
    await finishedAgo('23 hours 59 minutes');
    for (const poll of polls) expect((await send(poll)).json.state).toBe('succeeded');
    await finishedAgo('24 hours 1 minute');
    for (const poll of polls)
      expect(await send(poll)).toMatchObject({ status: 410, json: { error: 'Gone' } });
  });

  it('[146] is 410 at once as the option pollAfterDeletion says', async () => {
    const { unbind, deprovision } = await deleted('strict');
    for (const answer of [unbind, deprovision])
      expect(answer).toMatchObject({ status: 410, json: { error: 'Gone' } });
  });

  it('[146] the option does not touch polls of what is there', async () => {
    const one = fakeRequests('quick');
    const { send } = as('strict');
    await send(one.provision());
    expect(await send(one.poll())).toMatchObject({ status: 200, json: { state: 'succeeded' } });
  });
});

describe('what a binding is told beside its credentials', () => {
  /** The answer to a bind, to its repeat, and to a fetch; without the credentials. */
  async function told(platform: Platform): Promise<JsonObject[]> {
    const [one, id] = [fakeRequests('rotating'), freshId()];
    const { send } = as(platform);
    expect((await send(one.provision())).status).toBe(201);
    const bind = () => send(one.bind(id, { parameters: { role: 'writer' } }));
    const answers = [await bind(), await bind(), await send(one.fetchBinding(id))];
    expect(answers.map(({ status }) => status)).toEqual([201, 200, 200]);
    return answers.map(({ json: { credentials: secret, ...rest } }) => {
      expect(secret).toMatchObject({ host: 'fake.example', port: 5432 });
      return rest;
    });
  }
  const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/) as string;
  const metadata = { expires_at: time, renew_before: time };
  const endpoint = (port: string | number) => [{ host: 'fake.example', ports: [port], protocol: 'tcp' }];
  const parameters = { role: 'writer' };

  it('[147, 148] is what the specification has: endpoints with ports as text, metadata, and when fetched the parameters', async () => {
    const bound = { endpoints: endpoint('5432'), metadata };
    expect(await told('usual')).toEqual([bound, bound, { ...bound, parameters }]);
  });

  it('[147] has ports as numbers as the option endpoints says', async () => {
    const bound = { endpoints: endpoint(5432), metadata };
    expect(await told('strict')).toEqual([bound, bound, { ...bound, parameters }]);
  });

  it('[147, 148] is nothing as the options endpoints, bindingMetadata and fetchedParameters say', async () => {
    expect(await told('old')).toEqual([{}, {}, {}]);
  });

  it('[148] and an instance tells its parameters, unless the option fetchedParameters says otherwise', async () => {
    const parametersOf = async (platform: Platform) => {
      const one = fakeRequests('quick');
      await as(platform).send(one.provision({ parameters: { note: 'mine' } }));
      return (await as(platform).send(one.fetch())).json.parameters;
    };
    expect(await parametersOf('usual')).toEqual({ note: 'mine' });
    expect(await parametersOf('old')).toBeUndefined();
  });
});

describe('the token of an operation', () => {
  it('[149] is a text where there is one, and never null', async () => {
    const { send } = as('usual');
    for (const [plan, hasToken] of [
      ['slow', true],
      ['quick', false],
    ] as const) {
      const [one, id] = [fakeRequests(plan), freshId()];
      const seen: [number, unknown][] = [];
      const note = async (sent: Sent, poll: Sent) => {
        const { status, json } = await send(sent);
        seen.push([status, 'operation' in json ? json.operation : 'absent']);
        await untilOver({ send }, poll);
      };
      await note(one.provision(), one.poll());
      await note(one.update({ parameters: { note: 'x' } }), one.poll());
      await note(one.bind(id), one.pollBinding(id));
      await note(one.unbind(id), one.pollBinding(id));
      await note(one.deprovision(), one.poll());
      for (const [status, token] of seen) {
        expect(status === 202, plan).toBe(hasToken);
        expect(token).toEqual(hasToken ? expect.stringMatching(/^[A-Za-z0-9._~-]{1,100}$/) : 'absent');
      }
    }
  });
});

describe('an unbind without ids', () => {
  it('[150] of an unknown binding is 410, or as the option unbindUnknown says 400', async () => {
    for (const [platform, status] of [
      ['usual', 410],
      ['strict', 400],
    ] as const) {
      const one = fakeRequests('quick');
      const { send } = as(platform);
      await send(one.provision());
      for (const query of ['', 'service_id=fake-service', 'accepts_incomplete=true']) {
        expect((await send(fakeRequests('quick').unbind('nobody', query))).status, query).toBe(status);
      }
      expect((await send(one.unbind('nobody', 'accepts_incomplete=true'))).status).toBe(status);
      // With its ids the answer is the same for all.
      expect((await send(one.unbind('nobody'))).status).toBe(410);
    }
  });

  it('[150] of a binding that is there is 400 for all', async () => {
    for (const platform of ['usual', 'strict'] as const) {
      const [one, id] = [fakeRequests('quick'), freshId()];
      await as(platform).send(one.provision());
      await as(platform).send(one.bind(id));
      expect((await as(platform).send(one.unbind(id, 'accepts_incomplete=true'))).status).toBe(400);
    }
  });
});

describe('the schemas of the catalog', () => {
  it('[151] are of draft-04, and what they take and refuse is what Chandler takes and refuses', async () => {
    const ajv = new AjvDraft04.default({ strict: false });
    const { services } = (await as('usual').send({ path: '/v2/catalog' })).json as {
      services: {
        name: string;
        plans: { id: string; schemas: Record<string, Record<string, { parameters: JsonObject }>> }[];
      }[];
    };
    const plan = services.find(({ name }) => name === 'fake')?.plans.find(({ id }) => id === 'quick');
    const schemaOf = (on: string, verb: string) => {
      const schema = plan?.schemas[on]?.[verb]?.parameters;
      if (schema === undefined) throw new Error(`no schema of ${verb} on ${on}`);
      expect(schema.$schema).toBe('http://json-schema.org/draft-04/schema#');
      return ajv.compile(schema);
    };
    const [create, update, bind] = [
      schemaOf('service_instance', 'create'),
      schemaOf('service_instance', 'update'),
      schemaOf('service_binding', 'create'),
    ];
    const values: JsonObject[] = [
      {},
      { note: 'a' },
      { note: 'a'.repeat(101) },
      { note: 7 },
      { region: 'there' },
      { size: '10Gi' },
      { size: 'much' },
      { milliseconds: 1.5 },
      { milliseconds: -1 },
      { fail: 'never' },
      { role: 'writer' },
      { role: 'chief' },
      { unknown: 1 },
    ];
    const { send } = as('usual');
    const instance = fakeRequests('quick');
    await send(instance.provision());
    for (const parameters of values) {
      const answers = [
        [create, await send(fakeRequests('quick').provision({ parameters }))],
        [update, await send(instance.update({ parameters }))],
        [bind, await send(instance.bind(freshId(), { parameters }))],
      ] as const;
      for (const [at, [validate, { status }]] of answers.entries()) {
        expect([at, parameters, status !== 400]).toEqual([at, parameters, validate(parameters)]);
      }
    }
  });
});

describe('a poll', () => {
  it('[152] may name any plan, service or operation: they are hints', async () => {
    const [one, id] = [fakeRequests('slow'), freshId()];
    const { send } = as('usual');
    await send(one.provision());
    await untilOver({ send }, one.poll());
    await send(one.bind(id));
    await untilOver({ send }, one.pollBinding(id));
    await send(one.update({ plan_id: 'quick', parameters: { milliseconds: 600_000 } }));
    const hints = [
      '?service_id=fake-service&plan_id=slow',
      '?service_id=fake-service&plan_id=quick',
      '?service_id=other&plan_id=unknown&operation=update',
      '?plan_id=&service_id=&operation=',
    ];
    for (const hint of hints) {
      expect((await send(one.poll(hint))).json.state, hint).toBe('in progress');
      expect((await send(one.pollBinding(id, hint))).json.state, hint).toBe('succeeded');
    }
    await send(one.deprovision());
  });
});

describe('a fetched instance', () => {
  it('[153] has no context, although one was sent', async () => {
    const one = fakeRequests('quick');
    const { send } = as('usual');
    const context = { platform: 'kubernetes', namespace: 'team-a', instance_name: 'db' };
    await send(one.provision({ context, parameters: { note: 'x' } }));
    await send(one.update({ context: { ...context, instance_name: 'renamed' } }));
    expect(Object.keys((await send(one.fetch())).json).sort()).toEqual([
      'dashboard_url',
      'maintenance_info',
      'parameters',
      'plan_id',
      'service_id',
    ]);
  });
});
