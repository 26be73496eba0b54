/** Many requests at once against two processes on one database: what was promised once is made once. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type FakeRequests,
  fakeRequests,
  freshId,
  type OsbBroker,
  startOsbBroker,
  untilOver,
} from '../support/osb-broker.ts';
import type { Answer, Sent } from '../support/osb-client.ts';
import { bound, externalNameOf, readyInstance, usernameOf } from './binding-steps.ts';

let broker: OsbBroker;
let processes: Pick<OsbBroker, 'send'>[];

beforeAll(async () => {
  broker = await startOsbBroker();
  processes = [broker, await broker.another()];
});
afterAll(() => broker.close());

/** Half of them through each process. */
function atOnce(count: number, sent: (index: number) => Sent): Promise<Answer[]> {
  return Promise.all(
    Array.from({ length: count }, (_, index) => {
      const through = processes[index % processes.length] ?? broker;
      return through.send(sent(index));
    }),
  );
}

const statusesOf = (answers: readonly Answer[]) => [...new Set(answers.map(({ status }) => status))].sort();
const tokensOf = (answers: readonly Answer[]) =>
  new Set(answers.flatMap(({ json }) => (json.operation === undefined ? [] : [json.operation])));

async function countOf({ id }: FakeRequests, type: string): Promise<number> {
  const rows = await broker.query(
    `select 1 from operations o join service_instances i on i.uid = o.instance_uid
     where i.instance_id = '${id}' and o.type = '${type}'`,
  );
  return rows.length;
}

it.each(['slow', 'quick'])(
  '100 identical provisions of the plan %s make one instance by one operation',
  async (plan) => {
    const requests = fakeRequests(plan);
    const answers = await atOnce(100, () => requests.provision({ parameters: { milliseconds: 50 } }));
    expect(statusesOf(answers).filter((status) => ![200, 201, 202].includes(status))).toEqual([]);
    expect(tokensOf(answers).size).toBeLessThanOrEqual(1);
    if (plan === 'slow') expect([statusesOf(answers), tokensOf(answers).size]).toEqual([[202], 1]);
    expect((await untilOver(broker, requests.poll())).json.state).toBe('succeeded');
    expect(await countOf(requests, 'provision')).toBe(1);
    expect(
      await broker.query(`select 1 from service_instances where instance_id = '${requests.id}'`),
    ).toHaveLength(1);
    expect(broker.fake.effectsOf(await externalNameOf(broker, requests))).toEqual(['provision', 'prepare']);
  },
);

it('100 identical provisions that wait for their end are 201 or 200, and one operation', async () => {
  const requests = fakeRequests('quick');
  const answers = await atOnce(100, () => requests.provision({ parameters: { milliseconds: 50 } }, ''));
  expect(statusesOf(answers).filter((status) => ![200, 201].includes(status))).toEqual([]);
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
  expect(await countOf(requests, 'provision')).toBe(1);
});

it('32 binds of one instance at once all succeed, each with a login of its own', async () => {
  const requests = await readyInstance(broker, 'quick');
  const ids = Array.from({ length: 32 }, freshId);
  const answers = await atOnce(32, (index) => requests.bind(ids[index] ?? ''));
  expect(statusesOf(answers).filter((status) => ![201, 202].includes(status))).toEqual([]);
  const logins = new Set<string>();
  for (const id of ids) {
    expect((await untilOver(broker, requests.pollBinding(id))).json.state).toBe('succeeded');
    logins.add(usernameOf(await broker.send(requests.fetchBinding(id))));
  }
  expect(logins.size).toBe(32);
  expect([...logins].every((login) => broker.fake.logins.has(login))).toBe(true);
});

it('50 identical binds, and 50 identical rotations, make one binding each', async () => {
  const requests = await readyInstance(broker, 'quick');
  const [first, successor] = [freshId(), freshId()];
  const binds = await atOnce(50, () => requests.bind(first));
  await untilOver(broker, requests.pollBinding(first));
  const rotations = await atOnce(50, () => ({
    ...requests.bind(successor),
    body: { predecessor_binding_id: first },
  }));
  await untilOver(broker, requests.pollBinding(successor));
  for (const answers of [binds, rotations]) {
    expect(statusesOf(answers).filter((status) => ![200, 201, 202].includes(status))).toEqual([]);
    expect(tokensOf(answers).size).toBeLessThanOrEqual(1);
  }
  expect(await countOf(requests, 'bind')).toBe(2);
});

it('100 identical updates are one operation', async () => {
  const requests = await readyInstance(broker, 'slow');
  const answers = await atOnce(100, () =>
    requests.update({ parameters: { note: 'new', milliseconds: 100 } }),
  );
  expect(statusesOf(answers).filter((status) => ![200, 202].includes(status))).toEqual([]);
  expect(tokensOf(answers).size).toBe(1);
  expect((await untilOver(broker, requests.poll())).json.state).toBe('succeeded');
  expect(await countOf(requests, 'update')).toBe(1);
});

it('of 40 different updates at once one is made at a time; the others are told to come again', async () => {
  const requests = await readyInstance(broker, 'slow');
  const answers = await atOnce(40, (index) =>
    requests.update({ parameters: { note: `note ${index}`, milliseconds: 300 } }),
  );
  expect(statusesOf(answers)).toEqual([202, 422]);
  expect(tokensOf(answers).size).toBe(1);
  for (const { status, json } of answers) if (status === 422) expect(json.error).toBe('ConcurrencyError');
});

it('100 identical deprovisions are one operation, and leave nothing', async () => {
  const requests = await readyInstance(broker, 'slow');
  const login = usernameOf(await bound(broker, requests, freshId()));
  const name = await externalNameOf(broker, requests);
  const answers = await atOnce(100, () => requests.deprovision());
  expect(statusesOf(answers).filter((status) => ![202, 410].includes(status))).toEqual([]);
  expect(tokensOf(answers).size).toBe(1);
  await untilOver(broker, requests.poll());
  expect(await countOf(requests, 'deprovision')).toBe(1);
  expect([broker.fake.instances.has(`${name}-server`), broker.fake.logins.has(login)]).toEqual([
    false,
    false,
  ]);
});

it('creates, updates, binds and deletes of the same ids at once leave nothing when the last delete is done', async () => {
  const all = Array.from({ length: 6 }, () => fakeRequests('slow'));
  const bindings = Array.from({ length: 3 }, freshId);
  const answers = await atOnce(180, (index) => {
    const requests = all[index % all.length] ?? fakeRequests();
    const bindingId = bindings[index % bindings.length] ?? '';
    switch (Math.floor(index / all.length) % 6) {
      case 0:
      case 1:
        return requests.provision({ parameters: { milliseconds: 5 } });
      case 2:
        return requests.update({ parameters: { note: String(index) } });
      case 3:
        return requests.bind(`${requests.id}-${bindingId}`);
      case 4:
        return requests.unbind(`${requests.id}-${bindingId}`);
      default:
        return requests.deprovision();
    }
  });
  expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
  for (const requests of all) {
    await untilOver(broker, requests.poll());
    await broker.send(requests.deprovision());
    await untilOver(broker, requests.poll());
  }
  const names = await broker.query(
    `select external_name from service_instances
     where instance_id in (${all.map(({ id }) => `'${id}'`).join(', ')})
     union all select external_name from service_bindings
     where instance_id in (${all.map(({ id }) => `'${id}'`).join(', ')})`,
  );
  for (const { external_name: name } of names) {
    expect(broker.fake.instances.has(`${String(name)}-server`)).toBe(false);
    expect(broker.fake.logins.has(String(name))).toBe(false);
  }
  expect(await broker.query(`select 1 from operations where state = 'in progress'`)).toEqual([]);
});
