/**
 * What fairness between tenants and the limits of servers and clusters cost: claiming with one tenant's thousands of
 * due operations in front of everybody else's, against claiming by order of falling due alone, in the same run on the
 * same rows. On the Postgres of the tests, or the one that DATABASE_URL names.
 */
import pg from 'pg';
import { queryDatabase } from '../test/support/postgres.ts';
import { newInstance, openTestStore, testRevision } from '../test/support/store.ts';

const noisyDue = Number(process.argv[2] ?? 5_000);
const otherTenants = Number(process.argv[3] ?? 20);
const rounds = 200;
const underWay = 8;
const limits = { perServer: 4, perCluster: 32 };

/** As it was before tenants counted. */
const firstDue = `update operations
  set fence = fence + 1, wakes_at_claim = wakes, lease_owner = 'bench', lease_until = clock_timestamp() + interval '60 s'
  where uid = (
    select uid from operations due
    where state = 'in progress' and run_at <= clock_timestamp()
      and (lease_until is null or lease_until <= clock_timestamp())
      and not exists (
        select 1 from operations late
        where late.instance_uid = due.instance_uid and late.lease_until > clock_timestamp()
          and late.state <> 'in progress' and late.uid <> due.uid
          and (late.binding_uid is null or due.binding_uid is null or late.binding_uid = due.binding_uid))
    order by run_at, position
    limit 1
    for no key update skip locked)
  returning uid`;

/** Instances and due operations, the noisy tenant's the longest due. */
const fill = `
  insert into service_instances
  select (jsonb_populate_record(model, jsonb_build_object('uid', gen_random_uuid(), 'instance_id', 'bench-' || n,
    'external_name', 'bench-' || n, 'space_guid', case when n <= ${noisyDue} then 'noisy' else 'space-' || n end))).*
  from service_instances model, generate_series(1, ${noisyDue + otherTenants}) n;
  insert into operations (uid, type, instance_uid, plan_revision, description, deadline, cluster, tenant, run_at)
  select gen_random_uuid(), 'provision', uid, plan_revision, 'bench', now() + interval '1 hour', cluster,
    hashtextextended(space_guid, 0), now() - interval '1 hour' * (space_guid = 'noisy')::int - random() * interval '1 minute'
  from service_instances where instance_id like 'bench-%';
  analyze operations; analyze service_instances`;

const opened = await openTestStore();
const { store, url } = opened;
const client = new pg.Client({ connectionString: url });
try {
  await client.connect();
  await store.putRevision(testRevision, new Map());
  await store.transact((transaction) => transaction.insertInstance(newInstance()));
  await queryDatabase(url, fill);
  const { operationQueue } = store;
  for (let n = 0; n < underWay; n += 1) await client.query(firstDue);

  const fair: number[] = [];
  const former: number[] = [];
  const timed = async (times: number[], work: () => Promise<string | undefined>) => {
    const begun = performance.now();
    const uid = await work();
    times.push(performance.now() - begun);
    const putBack = `update operations set lease_owner = null, lease_until = null, run_at = run_at + interval '1 minute' where uid = $1`;
    await client.query(putBack, [uid]);
  };
  for (let round = 0; round < rounds; round += 1) {
    await timed(fair, async () => (await operationQueue.claim('bench', 60, limits))?.operation.uid);
    await timed(former, async () => (await client.query<{ uid: string }>(firstDue)).rows[0]?.uid);
  }
  const [fairMs, formerMs] = [median(fair), median(former)];
  process.stdout.write(
    `claim with ${noisyDue} due operations of one tenant and ${otherTenants} of others, ${underWay} under way: ` +
      `median ${fairMs.toFixed(2)} ms, worst ${Math.max(...fair).toFixed(2)} ms; ` +
      `by order of falling due ${formerMs.toFixed(2)} ms; ratio ${(fairMs / formerMs).toFixed(1)}\n`,
  );
} finally {
  await client.end();
  await opened.close();
}

function median(times: number[]): number {
  return times.toSorted((one, two) => one - two)[Math.floor(times.length / 2)] ?? 0;
}
