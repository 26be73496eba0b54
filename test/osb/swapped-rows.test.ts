/** What platforms and the log get to see of a row whose sealed columns were exchanged with those of another one. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeCause } from '../../src/telemetry/redact-fields.ts';
import { readyInstance } from '../osbapi/binding-steps.ts';
import { type OsbBroker, startOsbBroker } from '../support/osb-broker.ts';
import { type RecordedEvent, recordingEvents } from '../support/recording-events.ts';

const secret = 'canary-secret-hunter2';
const recorded: RecordedEvent[] = [];
let broker: OsbBroker;

beforeAll(async () => {
  broker = await startOsbBroker({ events: recordingEvents(recorded) });
});
afterAll(() => broker?.close());

it('these two are refused whatever is asked of them, every other one is served, and restored they are back', async () => {
  const [one, two, three] = [
    await readyInstance(broker, 'quick', { note: secret }),
    await readyInstance(broker, 'quick', { note: `${secret} too` }),
    await readyInstance(broker, 'quick', { note: 'bystander' }),
  ];
  const exchange = () =>
    broker.query(
      `update service_instances target set parameters_sealed = other.parameters_sealed
       from service_instances other where (target.instance_id, other.instance_id) in
         (('${one.id}', '${two.id}'), ('${two.id}', '${one.id}'))`,
    );
  await exchange();
  const before = await broker.rows();
  for (const requests of [one, two]) {
    const [row] = await broker.query(
      `select uid from service_instances where instance_id = '${requests.id}'`,
    );
    for (const sent of [
      requests.fetch(),
      requests.provision({ parameters: { note: secret } }),
      requests.update({ parameters: { note: 'another' } }),
      requests.bind('some-binding'),
      requests.deprovision(),
    ]) {
      recorded.splice(0);
      const { status, json, text } = await broker.send(sent);
      expect([status, json]).toEqual([
        500,
        {
          error: 'SealBroken',
          description: 'What is sealed here does not open: it was changed or moved. It was logged.',
        },
      ]);
      const fault = recorded.find(({ name }) => name === 'requestFaulted');
      const logged = JSON.stringify(describeCause(fault?.fields.cause));
      expect(logged).toContain(
        `The sealed column parameters of service_instances ${row?.uid as string} does not open`,
      );
      expect(logged + text).not.toContain(secret);
    }
  }
  expect(await broker.rows()).toBe(before);
  expect((await broker.send(three.fetch())).json.parameters).toEqual({ note: 'bystander' });
  expect((await broker.send(three.bind('of-a-bystander'))).status).toBe(201);
  await broker.send(three.unbind('of-a-bystander'));

  await exchange();
  expect((await broker.send(one.fetch())).json.parameters).toEqual({ note: secret });
  expect((await broker.send(two.deprovision())).status).toBeLessThan(300);
});
