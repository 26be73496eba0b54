/** A request whose client went away before its transaction was committed leaves nothing behind. */
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { credential } from '../support/osb-client.ts';
import { deleteBinding, deleteInstance, newId, putBinding, putInstance, readyInstance } from './requests.ts';
import { type Sent, startTestBroker, type TestBroker } from './test-broker.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await startTestBroker();
});
afterAll(() => broker.close());

/** Sends a request on a connection of its own, which the test may cut off. */
function begin({ method = 'PUT', path, body }: Sent) {
  const sent = request({
    port: broker.http.port,
    method,
    path,
    agent: false,
    headers: {
      authorization: credential,
      'x-broker-api-version': '2.17',
      'content-type': 'application/json',
    },
  });
  const answered = new Promise<number | undefined>((resolve) => {
    sent.on('response', (response) => resolve(response.statusCode));
    sent.on('error', () => resolve(undefined));
  });
  sent.end(body === undefined ? undefined : JSON.stringify(body));
  return { cutOff: () => sent.destroy(), answered };
}

/** Holds up every transaction that touches these rows; the test's own connection says when it goes on. */
async function holdingUp(rows: string, work: (release: () => Promise<void>) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: broker.databaseUrl });
  await client.connect();
  try {
    await client.query('begin');
    await client.query(`select 1 from ${rows} for update`);
    await work(async () => {
      await client.query('commit');
    });
  } finally {
    await client.end();
  }
}

const backends = (condition: string) =>
  broker.query(`select pid from pg_stat_activity where datname = current_database()
                and application_name = 'chandler' and ${condition}`);
const untilHeldUp = () => expect.poll(() => backends(`wait_event_type = 'Lock'`)).not.toEqual([]);
const untilQuiet = () => expect.poll(() => backends(`state <> 'idle'`)).toEqual([]);

describe('a client that goes away while its request waits for a lock', () => {
  it.each<{ what: string; rows: string; sent: (instance: string, binding: string) => Sent }>([
    { what: 'a provision', rows: 'plan_revisions', sent: (_ready, id) => putInstance(id) },
    { what: 'a bind', rows: 'service_instances', sent: (ready, id) => putBinding(ready, id) },
    { what: 'a deprovision', rows: 'service_instances', sent: (ready) => deleteInstance(ready) },
    {
      what: 'an update',
      rows: 'service_instances',
      sent: (ready) => ({
        method: 'PATCH',
        path: `/v2/service_instances/${ready}?accepts_incomplete=true`,
        body: { service_id: 'service-pg', parameters: { storage: '2Gi' } },
      }),
    },
  ])('$what: nothing of it is written', async ({ rows, sent }) => {
    const ready = await readyInstance(broker);
    const id = newId();
    const before = await broker.rows();
    await holdingUp(rows, async (release) => {
      const { cutOff, answered } = begin(sent(ready, id));
      await untilHeldUp();
      cutOff();
      expect(await answered).toBeUndefined();
      await sleep(50);
      await release();
    });
    await untilQuiet();
    expect(await broker.rows()).toBe(before);
  });

  it('a DELETE that overtook the PUT stays true: there is no instance afterwards', async () => {
    const id = newId();
    await holdingUp('plan_revisions', async (release) => {
      const { cutOff, answered } = begin(putInstance(id));
      await untilHeldUp();
      cutOff();
      await answered;
      expect((await broker.send(deleteInstance(id))).status).toBe(410);
      await release();
    });
    await untilQuiet();
    expect((await broker.send(deleteInstance(id))).status).toBe(410);
    // The id is as good as new.
    expect((await broker.send(putInstance(id))).status).toBe(202);
  });

  it('the same for a bind', async () => {
    const ready = await readyInstance(broker);
    const id = newId();
    await holdingUp('plan_revisions', async (release) => {
      const { cutOff, answered } = begin(putBinding(ready, id));
      await untilHeldUp();
      cutOff();
      await answered;
      await sleep(50);
      await release();
    });
    await untilQuiet();
    expect((await broker.send(deleteBinding(ready, id))).status).toBe(410);
  });
});

it('a client that stays gets its answer, however long it waited', async () => {
  const id = newId();
  await holdingUp('plan_revisions', async (release) => {
    const { answered } = begin(putInstance(id));
    await untilHeldUp();
    await release();
    expect(await answered).toBe(202);
  });
});
