/**
 * The plans of examples/operators: what they render to, and whether they count as ready at statuses as their operators
 * write them. A cluster with the operators' CRDs judges their fields: `make check-operators`.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { loadCatalog } from '../../src/catalog/load-catalog.ts';
import type { CompiledPlan } from '../../src/catalog/types.ts';
import type { ResourceSpec } from '../../src/domain/offering.ts';
import { FakeCluster } from '../../src/kube/fake-cluster.ts';
import type { KubeObject } from '../../src/kube/types.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { labelKeys } from '../../src/lib/labels.ts';
import { Redacted } from '../../src/lib/redacted.ts';
import { instanceScope, renderTree, unmetCondition } from '../../src/provisioners/instance-scope.ts';
import { resourceState } from '../../src/provisioners/resource-state.ts';
import { offeredKinds } from '../../src/start/offered-kinds.ts';
import { lintCluster } from '../../src/tools/cluster-lint/lint-cluster.ts';
import { surveyPlan } from '../../src/tools/cluster-lint/survey-plan.ts';

const folder = new URL('../../examples/operators', import.meta.url).pathname;
const namespace = 'default';
const cluster = new FakeCluster();
let plans: readonly CompiledPlan[];
/** By `offering/plan/resource`. */
const rendered = new Map<string, KubeObject>();

beforeAll(async () => {
  plans = (await loadCatalog({ folder, kinds: offeredKinds })).compiledPlans;
  for (const { revision } of plans) {
    for (const spec of revision.resources) {
      for (const kind of kindsOf(spec)) cluster.addKind(kind, { namespaced: true });
    }
  }
  for (const plan of plans) {
    const { serviceName, planName } = plan.revision;
    for (const { resourceId, object } of (await surveyPlan(plan, { cluster, namespace })).samples) {
      rendered.set(`${serviceName}/${planName}/${resourceId}`, object);
    }
  }
});

function kindsOf(spec: ResourceSpec): { apiVersion: string; kind: string }[] {
  if (spec.kind !== 'manifest') return [];
  return spec.objects.map(({ apiVersion, kind }) => ({
    apiVersion: apiVersion as string,
    kind: kind as string,
  }));
}

function objectOf(name: string): KubeObject {
  const object = rendered.get(name);
  if (object === undefined) throw new Error(`there is no ${name}`);
  return object;
}

test('every plan is known whole before there is an instance, and a cluster with the kinds takes it', async () => {
  const { problems, notes, accepted } = await lintCluster(plans, { cluster, namespace });
  expect({ problems, notes }).toEqual({ problems: [], notes: [] });
  expect(accepted).toBe(rendered.size);
  expect(plans).toHaveLength(14);
});

const host = expect.stringMatching(/^i-[a-z2-7]{20}-\w+$/);
test.each<[string, JsonObject]>([
  ['cnpg-postgresql/single/cluster', { instances: 1, enableSuperuserAccess: true, storage: { size: '1Gi' } }],
  ['cnpg-postgresql/replicated/cluster', { instances: 3, storage: { size: '10Gi' } }],
  [
    'cnpg-postgresql/reporting/role',
    { name: 'reports', cluster: { name: host }, passwordSecret: { name: host } },
  ],
  ['cnpg-postgresql/reporting/database', { name: 'reports', owner: 'reports', cluster: { name: host } }],
  [
    'rabbitmq/single/broker',
    { replicas: 1, persistence: { storage: '1Gi' }, terminationGracePeriodSeconds: 60 },
  ],
  ['rabbitmq/topology/permission', { vhost: 'apps', userReference: { name: host } }],
  ['kafka/replicated/nodes', { replicas: 3, roles: ['controller', 'broker'] }],
  ['kafka/replicated/kafka', { kafka: { config: { 'min.insync.replicas': 2 } } }],
  ['composed-postgresql/large/database', { size: 'large', storageGB: 20 }],
  [
    'rds-postgresql/standby/database',
    { multiAZ: true, allocatedStorage: 100, masterUserPassword: { name: host } },
  ],
  ['cloud-sql-postgresql/regional/server', { settings: { availabilityType: 'REGIONAL', diskSize: 100 } }],
  ['cloud-sql-postgresql/small/login', { resourceID: 'chandler_admin', instanceRef: { name: host } }],
])('%s says what its plan means', (name, spec) => {
  expect(objectOf(name).spec).toMatchObject(spec);
});

test('a pool of Kafka belongs to the Kafka beside it', () => {
  expect(objectOf('kafka/single/nodes').metadata.labels?.['strimzi.io/cluster']).toBe(
    objectOf('kafka/single/kafka').metadata.name,
  );
});

const condition = (type: string, status: string, more: JsonObject = {}): JsonObject => ({
  ...{ type, status, lastTransitionTime: '2026-01-01T00:00:00Z' },
  ...more,
});
const conditions = (...all: JsonObject[]): JsonObject => ({ conditions: all });
const ready = condition('Ready', 'True');
/** As the cluster operator of RabbitMQ writes them, all four from the first look on. */
const ofRabbit = (allReady: string, success = 'True'): JsonObject => ({
  observedGeneration: 1,
  ...conditions(
    condition('AllReplicasReady', allReady, { reason: 'NotAllPodsReady', message: '0/1 Pods ready' }),
    condition('ClusterAvailable', allReady),
    condition('NoWarnings', 'True'),
    condition('ReconcileSuccess', success, { reason: 'FailedCLICommand', message: 'rabbitmqctl failed' }),
  ),
});
const healthy: JsonObject = {
  ...{ phase: 'Cluster in healthy state', instances: 3, readyInstances: 3, writeService: 'x-rw' },
  ...conditions(ready),
};

describe('at the status that an operator wrote, a plan is', () => {
  test.each<[name: string, what: string, status: JsonObject | undefined, state: string | RegExp]>([
    ['cnpg-postgresql/replicated/cluster', 'nothing yet', undefined, /^waiting: \$\{cluster.status.phase/],
    [
      'cnpg-postgresql/replicated/cluster',
      'the first primary',
      {
        phase: 'Setting up primary',
        instances: 1,
        ...conditions(condition('Ready', 'False', { message: 'Cluster Is Not Ready' })),
      },
      /^waiting: .*Cluster Is Not Ready/,
    ],
    [
      'cnpg-postgresql/replicated/cluster',
      'a replica to come',
      { ...healthy, readyInstances: 2 },
      /^waiting: \$\{cluster.status.readyInstances/,
    ],
    ['cnpg-postgresql/replicated/cluster', 'all there', healthy, 'ready'],
    [
      'cnpg-postgresql/replicated/cluster',
      'a switch of the primary',
      { ...healthy, phase: 'Switchover in progress' },
      /^waiting/,
    ],
    ['cnpg-postgresql/reporting/database', 'done', { applied: true, observedGeneration: 1 }, 'ready'],
    [
      'cnpg-postgresql/reporting/database',
      'refused by the server',
      { applied: false, message: 'ERROR: role "reports" does not exist', observedGeneration: 1 },
      /^waiting/,
    ],
    [
      'cnpg-postgresql/reporting/database',
      'an older spec',
      { applied: true, observedGeneration: 0 },
      /^waiting/,
    ],
    ['cnpg-postgresql/reporting/role', 'done', { applied: true, observedGeneration: 1 }, 'ready'],
    ['rabbitmq/single/broker', 'pods to come', ofRabbit('False'), /^waiting: .*0\/1 Pods ready/],
    [
      'rabbitmq/single/broker',
      'a failed command',
      ofRabbit('True', 'False'),
      /^waiting: .*rabbitmqctl failed/,
    ],
    ['rabbitmq/single/broker', 'all there', ofRabbit('True'), 'ready'],
    ['rabbitmq/topology/vhost', 'made', { observedGeneration: 1, ...conditions(ready) }, 'ready'],
    [
      'rabbitmq/topology/vhost',
      'refused',
      conditions(condition('Ready', 'False', { reason: 'FailedCreateOrUpdate', message: 'no such cluster' })),
      /^waiting: .*no such cluster/,
    ],
    ['kafka/single/nodes', 'nothing yet', undefined, 'ready'],
    [
      'kafka/single/kafka',
      'brokers to come',
      {
        observedGeneration: 1,
        ...conditions(
          condition('NotReady', 'True', { reason: 'Creating', message: 'Kafka cluster is being deployed' }),
        ),
      },
      /^waiting: .*Kafka cluster is being deployed/,
    ],
    [
      'kafka/single/kafka',
      'all there, with a warning',
      { observedGeneration: 1, ...conditions(condition('Warning', 'True', { reason: 'x' }), ready) },
      'ready',
    ],
    [
      'composed-postgresql/small/database',
      'composed, not ready',
      conditions(
        condition('Synced', 'True'),
        condition('Ready', 'False', { reason: 'Creating', message: '' }),
      ),
      /^waiting: .*Creating/,
    ],
    [
      'composed-postgresql/small/database',
      'no composition',
      conditions(
        condition('Synced', 'False', { reason: 'ReconcileError', message: 'cannot select Composition' }),
      ),
      /^waiting: .*cannot select Composition/,
    ],
    ['composed-postgresql/small/database', 'there', conditions(condition('Synced', 'True'), ready), 'ready'],
    [
      'rds-postgresql/micro/database',
      'being created',
      {
        dbInstanceStatus: 'creating',
        ...conditions(condition('ACK.ResourceSynced', 'False', { message: 'creating' })),
      },
      /^waiting: .*creating/,
    ],
    [
      'rds-postgresql/micro/database',
      'refused by AWS',
      conditions(
        condition('ACK.Terminal', 'True', { message: 'InvalidParameterCombination: no such class' }),
        condition('ACK.ResourceSynced', 'True'),
      ),
      /^waiting: .*InvalidParameterCombination/,
    ],
    [
      'rds-postgresql/micro/database',
      'being changed',
      { dbInstanceStatus: 'modifying', ...conditions(condition('ACK.ResourceSynced', 'True')) },
      /^waiting: \$\{database.status.dbInstanceStatus/,
    ],
    [
      'rds-postgresql/micro/database',
      'there',
      { dbInstanceStatus: 'available', ...conditions(condition('ACK.ResourceSynced', 'True')) },
      'ready',
    ],
    [
      'cloud-sql-postgresql/small/server',
      'refused by Google',
      {
        observedGeneration: 1,
        ...conditions(
          condition('Ready', 'False', { reason: 'UpdateFailed', message: 'Error 403: no billing' }),
        ),
      },
      /^waiting: .*no billing/,
    ],
    ['cloud-sql-postgresql/small/server', 'there', { observedGeneration: 1, ...conditions(ready) }, 'ready'],
    [
      'cloud-sql-postgresql/small/server',
      'stalled by a rule of kstatus',
      conditions(condition('Stalled', 'True', { message: 'never' })),
      /^failed: .*never/,
    ],
  ])('%s: %s', (name, _what, status, state) => {
    expect(stateOf(name, status)).toMatch(state instanceof RegExp ? state : new RegExp(`^${state}$`));
  });
});

test.each<[name: string, status: JsonObject, outputs: JsonObject]>([
  [
    'cnpg-postgresql/single/cluster',
    { ...healthy, instances: 1 },
    { host: `x-rw.${namespace}.svc`, port: 5432 },
  ],
  [
    'rds-postgresql/micro/database',
    { endpoint: { address: 'x.rds.amazonaws.com', port: 5432 } },
    { host: 'x.rds.amazonaws.com', port: 5432 },
  ],
  ['kafka/single/kafka', { listeners: [{ bootstrapServers: 'x:9092' }] }, { bootstrapServers: 'x:9092' }],
  ['cloud-sql-postgresql/small/server', { privateIpAddress: '10.0.0.3' }, { host: '10.0.0.3', port: 5432 }],
  [
    'composed-postgresql/small/database',
    { host: 'db.example.org', port: 5433 },
    { host: 'db.example.org', port: 5433 },
  ],
])('%s gives its outputs', (name, status, outputs) => {
  const { plan, scope } = seen(name, status);
  expect(renderTree(plan.revision.outputs, scope, 'outputs')).toEqual(outputs);
});

/** As a tick sees it: first by the rules for all objects, then by the plan's own conditions. */
function stateOf(name: string, status: JsonObject | undefined): string {
  const { object, spec, scope } = seen(name, status);
  const { name: objectName, uid = '', generation = 1 } = object.metadata;
  const applied = { kind: object.kind, name: objectName, objectUid: uid, appliedGeneration: generation };
  const state = resourceState(spec.id, [applied], [object]);
  if (state.kind !== 'ready') return `${state.kind}: ${state.message}`;
  const unmet = unmetCondition(spec, scope);
  return unmet === undefined ? 'ready' : `waiting: ${unmet}`;
}

function seen(name: string, status: JsonObject | undefined) {
  const [offering, planName, id] = name.split('/');
  const plan = plans.find(
    ({ revision }) => revision.serviceName === offering && revision.planName === planName,
  );
  const spec = plan?.revision.resources.find((each) => each.id === id);
  if (plan === undefined || spec === undefined) throw new Error(`there is no ${name}`);
  const made = objectOf(name);
  const object: KubeObject = {
    ...made,
    ...(status === undefined ? {} : { status }),
    metadata: { ...made.metadata, uid: 'uid', generation: 1 },
  };
  expect(object.metadata.labels?.[labelKeys.resource]).toBe(id);
  const instance = {
    ...{ externalName: 'i-x', namespace, platform: 'test', parameters: {} },
    generated: new Redacted({}),
  };
  return { plan, spec, object, scope: instanceScope(instance, plan.revision, [object]) };
}
