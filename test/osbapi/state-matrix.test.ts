/** The state matrix of `domain`, driven over HTTP cell by cell, for a plan that is quick and one that is not. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { osbOptionsFor } from '../../src/domain/osb-options.ts';
import {
  type BindingCondition,
  type BindingRequest,
  bindingMatrix,
  type InstanceCondition,
  type InstanceRequest,
  instanceMatrix,
  type Reaction,
  reactionToBinding,
  reactionToInstance,
} from '../../src/domain/state-matrix.ts';
import { freshId, type OsbBroker, startOsbBroker, testCredentials } from '../support/osb-broker.ts';
import type { Answer, Sent } from '../support/osb-client.ts';
import { as, credentialOf } from './binding-steps.ts';
import { type Placed, placeBinding, placeInstance } from './matrix-conditions.ts';
import {
  bindingConditions,
  bindingRequests,
  instanceConditions,
  instanceRequests,
  renderStates,
  renderTable,
  wordOf,
} from './matrix-words.ts';

const otherwise = {
  repeatAfterFailure: 'retry',
  provisionDuringUpdate: 'refuse',
  deprovisionDuringUpdate: 'refuse',
  pollAfterDeletion: 'gone',
  fetchDuringDeprovision: 'not-found',
  bindDuringOperation: 'refuse',
} as const;
const usualOptions = osbOptionsFor('kubernetes');
const otherOptions = osbOptionsFor('kubernetes', otherwise);

let broker: OsbBroker;

beforeAll(async () => {
  broker = await startOsbBroker({
    credentials: [...testCredentials(), credentialOf('otherwise', { options: otherwise })],
    settings: { quickWaitMs: 30 },
  });
});
afterAll(() => broker.close());

const ids = (plan: string) => `service_id=fake-service&plan_id=${plan}`;

function instanceRequest(request: InstanceRequest, placed: Placed, plan: string, polls: string): Sent {
  const { requests, bindingId, provisioned, updated } = placed;
  switch (request) {
    case 'provision':
      return requests.provision(provisioned, polls);
    case 'provision other':
      return requests.provision({ ...provisioned, space_guid: 'another' }, polls);
    case 'fetch':
      return requests.fetch();
    case 'last operation':
      return requests.poll();
    case 'update':
      return requests.update({ parameters: { note: 'different' } }, polls);
    case 'update again':
      return requests.update(updated, polls);
    case 'bind':
      return requests.bind(freshId(), {}, polls);
    case 'unbind':
      return requests.unbind(bindingId, `${ids(plan)}&${polls}`);
    case 'deprovision':
      return requests.deprovision(`${ids(plan)}&${polls}`);
  }
}

function bindingRequest(request: BindingRequest, placed: Placed, plan: string, polls: string): Sent {
  const { requests, bindingId } = placed;
  switch (request) {
    case 'bind':
      return requests.bind(bindingId, {}, polls);
    case 'bind other':
      return requests.bind(bindingId, { parameters: { role: 'writer' } }, polls);
    case 'fetch':
      return requests.fetchBinding(bindingId);
    case 'last operation':
      return requests.pollBinding(bindingId);
    case 'unbind':
      return requests.unbind(bindingId, `${ids(plan)}&${polls}`);
    case 'rotate':
      return requests.bind(freshId(), { predecessor_binding_id: bindingId }, polls);
  }
}

function refusalOf({ status, json }: Answer): string {
  return `${status} ${typeof json.error === 'string' ? json.error : 'without a word'}`;
}

interface OperationSeen {
  uid: string;
  state: string;
  ofBinding: boolean;
}

async function operationsOf({ id }: Placed['requests']): Promise<OperationSeen[]> {
  const rows = await broker.query(
    `select o.uid, o.state, o.binding_uid is not null as of_binding
     from operations o join service_instances i on i.uid = o.instance_uid
     where i.instance_id = '${id}' order by o.position`,
  );
  return rows.map(({ uid, state, of_binding }) => ({
    uid: String(uid),
    state: String(state),
    ofBinding: of_binding === true,
  }));
}

/** Sends a request and says in words what it did: what a platform sees, and what the operations tell. */
async function observe(placed: Placed, sent: Sent, about: 'instance' | 'binding'): Promise<string> {
  const before = await operationsOf(placed.requests);
  const running = before.find(
    ({ state, ofBinding }) => state === 'in progress' && ofBinding === (about === 'binding'),
  );
  const answer: Answer = await broker.send(sent);
  if (answer.status >= 400) return refusalOf(answer);
  const after = await operationsOf(placed.requests);
  const isNew = after.length > before.length;
  if (!isNew) {
    if (answer.json.operation === undefined) return `${answer.status} answers`;
    return answer.json.operation === running?.uid ? `${answer.status} joins` : 'another operation';
  }
  const left = after.find(({ uid }) => uid === running?.uid)?.state;
  if (left === 'failed') return `${answer.status} replaces`;
  const waits = left === 'in progress' && sent.method === 'PUT';
  return `${answer.status} ${waits ? 'waits' : 'begins'}`;
}

/** A client of a quick plan waits for the answer, but where it would wait for what another request began. */
function pollsFor({ does }: Reaction, plan: string): string {
  return plan === 'quick' && does !== 'join' && does !== 'wait' ? '' : 'accepts_incomplete=true';
}

async function instanceCell(
  condition: InstanceCondition,
  request: InstanceRequest,
  plan: string,
  options = usualOptions,
): Promise<string> {
  const placed = await placeInstance(broker, condition, plan, request === 'unbind');
  const reaction = reactionToInstance(condition, request, options);
  const sent = instanceRequest(request, placed, plan, pollsFor(reaction, plan));
  return observe(placed, options === usualOptions ? sent : as('otherwise', sent), 'instance');
}

async function bindingCell(
  condition: BindingCondition,
  request: BindingRequest,
  plan: string,
  options = usualOptions,
): Promise<string> {
  const placed = await placeBinding(broker, condition, plan);
  const reaction = reactionToBinding(condition, request, options);
  const sent = bindingRequest(request, placed, plan, pollsFor(reaction, plan));
  return observe(placed, options === usualOptions ? sent : as('otherwise', sent), 'binding');
}

/** Cells as they were seen, and as `domain` has them, by table, row and column. */
class Tables {
  readonly #cells = new Map<string, string>();

  async drive<Request extends string>(
    row: string,
    requests: readonly Request[],
    see: (request: Request) => Promise<string>,
  ): Promise<Record<Request, string>> {
    const words = await Promise.all(requests.map(async (request) => [request, await see(request)] as const));
    for (const [request, word] of words) this.#cells.set(`${row} ${request}`, word);
    return Object.fromEntries(words) as Record<Request, string>;
  }

  seen(row: string, request: string): string {
    return this.#cells.get(`${row} ${request}`) ?? 'not driven';
  }
}

const tables = new Tables();

/** Rows of docs/osbapi.md, by the state that they are about. */
const titles: Record<InstanceCondition, string> = {
  none: '[136] an instance of which there is none',
  provisioning: '[137] an instance that is being made',
  ready: '[138] an instance that is ready',
  'provision failed': '[139] an instance that could not be made',
  updating: '[140] an instance that is being updated',
  'update failed': '[141] an instance whose update failed',
  'update failed, unusable': '[141] an instance whose update failed and left it unusable',
  deprovisioning: '[142] an instance that is being deleted',
  'deprovision failed': '[143] an instance that could not be deleted',
  'deprovision failed, unusable': '[143] an instance that could not be deleted and is unusable',
  deprovisioned: '[144] an instance that was deleted',
};
const bindingTitles: Record<BindingCondition, string> = {
  none: '[136] a binding of which there is none',
  binding: '[137] a binding that is being made',
  bound: '[138] a binding that is made',
  'bind failed': '[139] a binding that could not be made',
  unbinding: '[142] a binding that is being deleted',
  'unbind failed': '[143] a binding that could not be deleted',
  unbound: '[144] a binding that was deleted',
};

describe.each(['quick', 'slow'])('with the plan %s', (plan) => {
  const isQuick = plan === 'quick';
  const instanceWord = (condition: InstanceCondition, request: InstanceRequest) =>
    wordOf(reactionToInstance(condition, request, usualOptions), request, isQuick);
  const bindingWord = (condition: BindingCondition, request: BindingRequest) =>
    wordOf(reactionToBinding(condition, request, usualOptions), request, isQuick);

  it.each(instanceConditions.map((condition) => [titles[condition], condition] as const))(
    '%s',
    async (_title, condition) => {
      const seen = await tables.drive(`${plan} ${condition}`, instanceRequests, (request) =>
        instanceCell(condition, request, plan),
      );
      expect(seen).toEqual(
        Object.fromEntries(instanceRequests.map((request) => [request, instanceWord(condition, request)])),
      );
    },
  );

  it.each(bindingConditions.map((condition) => [bindingTitles[condition], condition] as const))(
    '%s',
    async (_title, condition) => {
      const seen = await tables.drive(`${plan} binding ${condition}`, bindingRequests, (request) =>
        bindingCell(condition, request, plan),
      );
      expect(seen).toEqual(
        Object.fromEntries(bindingRequests.map((request) => [request, bindingWord(condition, request)])),
      );
    },
  );

  it('the printed tables are those of domain', () => {
    const print = (cellOf: (row: string, condition: string, request: string) => string) =>
      [
        renderTable(instanceConditions, instanceRequests, (condition, request) =>
          cellOf(`${plan} ${condition}`, condition, request),
        ),
        renderTable(bindingConditions, bindingRequests, (condition, request) =>
          cellOf(`${plan} binding ${condition}`, condition, request),
        ),
      ].join('\n\n');
    const observed = print((row, _condition, request) => tables.seen(row, request));
    console.log(`The state matrix over HTTP, plan ${plan}:\n\n${observed}\n`);
    const domain = print((row, condition, request) =>
      row.includes(' binding ')
        ? bindingWord(condition as BindingCondition, request as BindingRequest)
        : instanceWord(condition as InstanceCondition, request as InstanceRequest),
    );
    expect(observed).toBe(domain);
  });
});

describe('with the other value of each option', () => {
  const instanceCells = instanceConditions.flatMap((condition) =>
    instanceRequests
      .filter((request) => typeof instanceMatrix[condition][request] === 'function')
      .map((request) => [condition, request] as const),
  );
  const bindingCells = bindingConditions.flatMap((condition) =>
    bindingRequests
      .filter((request) => typeof bindingMatrix[condition][request] === 'function')
      .map((request) => [condition, request] as const),
  );

  it.each(instanceCells)('an instance that is: %s, %s', async (condition, request) => {
    const expected = wordOf(reactionToInstance(condition, request, otherOptions), request, false);
    expect(expected).not.toBe(wordOf(reactionToInstance(condition, request, usualOptions), request, false));
    expect(await instanceCell(condition, request, 'slow', otherOptions)).toBe(expected);
  });

  it.each(bindingCells)('a binding that is: %s, %s', async (condition, request) => {
    const expected = wordOf(reactionToBinding(condition, request, otherOptions), request, false);
    expect(expected).not.toBe(wordOf(reactionToBinding(condition, request, usualOptions), request, false));
    expect(await bindingCell(condition, request, 'slow', otherOptions)).toBe(expected);
  });
});

/** A cell in which an operation begins. */
interface Beginning {
  name: string;
  about: 'instance' | 'binding';
  word(quick: boolean): string;
  place(plan: string): Promise<Placed>;
  sent(placed: Placed, plan: string, polls: string): Sent;
}

const begins = ({ does }: Reaction) => does === 'begin' || does === 'replace';
const instanceBeginnings: Beginning[] = instanceConditions.flatMap((condition) =>
  instanceRequests.flatMap((request) => {
    const reaction = reactionToInstance(condition, request, usualOptions);
    if (!begins(reaction)) return [];
    return {
      name: `${condition}, ${request}`,
      about: 'instance',
      word: (quick) => wordOf(reaction, request, quick),
      place: (plan) => placeInstance(broker, condition, plan, request === 'unbind'),
      sent: (placed, plan, polls) => instanceRequest(request, placed, plan, polls),
    };
  }),
);
const bindingBeginnings: Beginning[] = bindingConditions.flatMap((condition) =>
  bindingRequests.flatMap((request) => {
    const reaction = reactionToBinding(condition, request, usualOptions);
    if (!begins(reaction)) return [];
    return {
      name: `binding ${condition}, ${request}`,
      about: 'binding',
      word: (quick) => wordOf(reaction, request, quick),
      place: (plan) => placeBinding(broker, condition, plan),
      sent: (placed, plan, polls) => bindingRequest(request, placed, plan, polls),
    };
  }),
);

async function countRows({ requests: { id } }: Placed): Promise<unknown> {
  const [rows] = await broker.query(
    `select (select count(*)::int from service_instances where instance_id = '${id}') as instances,
            (select count(*)::int from service_bindings where instance_id = '${id}') as bindings,
            (select count(*)::int from operations where instance_uid in
              (select uid from service_instances where instance_id = '${id}')) as operations`,
  );
  return rows;
}

describe.each([
  ['an instance', instanceBeginnings],
  ['a binding', bindingBeginnings],
])('where an operation of %s begins', (_of, beginnings) => {
  it('a platform that cannot poll gets AsyncRequired and no row, when the plan is not quick', async () => {
    const words = await Promise.all(
      beginnings.map(async ({ name, place, sent }) => {
        const placed = await place('slow');
        const before = await countRows(placed);
        const answer = await broker.send(sent(placed, 'slow', ''));
        expect(await countRows(placed), name).toEqual(before);
        return `${name}: ${refusalOf(answer)}`;
      }),
    );
    expect(words).toEqual(beginnings.map(({ name }) => `${name}: 422 AsyncRequired`));
  });

  it('a platform that can poll gets 202, or the end at once, when the plan is quick', async () => {
    const wrong = await Promise.all(
      beginnings.map(async ({ name, about, word, place, sent }) => {
        const placed = await place('quick');
        const seen = await observe(placed, sent(placed, 'quick', 'accepts_incomplete=true'), about);
        return [word(true), word(false)].includes(seen) ? [] : [`${name}: ${seen}`];
      }),
    );
    expect(wrong.flat()).toEqual([]);
  });
});

it('a platform that cannot poll gets ConcurrencyError where a bind would wait for the instance', async () => {
  const waiting = instanceConditions.filter(
    (condition) => reactionToInstance(condition, 'bind', usualOptions).does === 'wait',
  );
  expect(waiting).toEqual(['provisioning', 'updating']);
  for (const condition of waiting) {
    const placed = await placeInstance(broker, condition, 'quick', false);
    const answer = await broker.send(instanceRequest('bind', placed, 'quick', ''));
    expect(refusalOf(answer), condition).toBe('422 ConcurrencyError');
  }
});

it('docs/osbapi-states.md prints the matrix as it is (vitest -u writes it)', async () => {
  await expect(renderStates()).toMatchFileSnapshot('../../docs/osbapi-states.md');
});
