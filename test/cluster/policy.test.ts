/** Each rule of the policy against a chart that breaks it, on the real cluster: refused before anything is applied. */
import { KubernetesObjectApi } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installationSelector } from '../../src/lib/labels.ts';
import { type BrokerHome, createBrokerHome, type TestBroker } from '../support/broker.ts';
import { kubeConfig } from '../support/cluster.ts';
import { installationId, namespacesOf, removeInstallation } from '../support/installation.ts';
import { PlatformInstance } from '../support/platform-instance.ts';
import { type PolicyCase, policyCases } from '../support/policy/cases.ts';
import { copyForMode, helmModes } from '../support/rendered-catalog.ts';

/** Every kind that the chart makes, and what its controllers make of it. */
const kinds: [apiVersion: string, kind: string][] = [
  ['v1', 'ConfigMap'],
  ['v1', 'Secret'],
  ['v1', 'Service'],
  ['v1', 'Pod'],
  ['apps/v1', 'Deployment'],
  ['apps/v1', 'ReplicaSet'],
  ['batch/v1', 'CronJob'],
  ['batch/v1', 'Job'],
  ['networking.k8s.io/v1', 'Ingress'],
  ['rbac.authorization.k8s.io/v1', 'Role'],
  ['rbac.authorization.k8s.io/v1', 'RoleBinding'],
  ['rbac.authorization.k8s.io/v1', 'ClusterRole'],
  ['rbac.authorization.k8s.io/v1', 'ClusterRoleBinding'],
];

describe.each(helmModes)('in mode %s', (mode) => {
  let catalog: Awaited<ReturnType<typeof copyForMode>>;
  let home: BrokerHome;
  let broker: TestBroker;

  beforeAll(async () => {
    catalog = await copyForMode('policy', mode);
    home = await createBrokerHome({ CHANDLER_CATALOG: catalog.folder, CHANDLER_PLAN_SET: '{}' });
    broker = await home.start();
  });
  afterAll(async () => {
    if (home !== undefined) await removeInstallation(home);
    await catalog?.remove();
  });

  /** `Kind/name` of everything that the installation has on the cluster, in no namespace or that of the instance. */
  async function objectsOf(instanceId: string): Promise<string[]> {
    const client = KubernetesObjectApi.makeApiClient(kubeConfig());
    const labels = installationSelector(await installationId(home));
    const namespaces = (await namespacesOf(home, instanceId)).map(({ metadata }) => metadata?.name ?? '');
    const found: string[] = [];
    for (const [apiVersion, kind] of kinds) {
      const listed = await client.list(
        ...[apiVersion, kind, undefined, undefined, undefined, undefined, undefined, labels],
      );
      for (const { metadata } of listed.items) {
        const { name = '', namespace = '' } = metadata ?? {};
        if (namespaces.some((own) => own === namespace || name.startsWith(own)))
          found.push(`${kind}/${name}`);
      }
    }
    return found;
  }

  async function provisioned(plan: string, rule: string) {
    const ids = { service_id: 'policy-service', plan_id: `policy-${plan}` };
    const instance = new PlatformInstance(ids, 'default');
    const operation = await instance.startProvision(broker, { break: rule });
    const failure = await instance.untilFinished(broker).then(
      () => '',
      (thrown: Error) => thrown.message,
    );
    return { instance, failure, state: await instance.stateOf(broker, operation) };
  }

  /** Side by side: most of the time goes by while namespaces are deleted. */
  async function inBatches<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
    for (let at = 0; at < all.length; at += 8) await Promise.all(all.slice(at, at + 8).map(work));
  }

  it('every chart that breaks a rule is refused; there is its namespace and nothing in it, and then not that', async () => {
    const seen: [PolicyCase, { failure: string; state: string; objects: string[]; left: number }][] = [];
    // In the mode that runs hooks a hook is an object like others.
    const broken = policyCases.filter(({ rule }) => rule !== 'hook' || mode === 'render');
    await inBatches(broken, async (one) => {
      const { instance, failure, state } = await provisioned(one.plan ?? 'strict', one.rule);
      const objects = await objectsOf(instance.id);
      expect(await namespacesOf(home, instance.id), one.rule).toHaveLength(1);
      await instance.deprovision(broker);
      seen.push([one, { failure, state, objects, left: (await namespacesOf(home, instance.id)).length }]);
    });
    for (const [{ rule, says }, { failure, state, objects, left }] of seen) {
      expect(failure, rule).toContain('The policy of the plan forbids: ');
      expect(failure, rule).toContain(says);
      expect({ rule, state, objects, left }).toEqual({ rule, state: 'failed', objects: [], left: 0 });
    }
    console.log(`${seen.length} charts refused in mode ${mode}, for example: ${seen[0]?.[1].failure}`);
    expect(seen).toHaveLength(broken.length);
  });

  it('a chart that breaks none is made', async () => {
    const { instance, failure } = await provisioned('strict', 'none');
    expect(failure).toBe('');
    // In mode release helm has access of its own beside it.
    const made = (await objectsOf(instance.id)).filter((object) => !object.endsWith('-server-helm'));
    expect(made).toEqual([expect.stringMatching(/^ConfigMap\/i-/)]);
    await instance.deprovision(broker);
  });

  it.each([
    ['cluster scope', ['ClusterRole', 'ClusterRoleBinding']],
    ['kind', ['Ingress']],
    ['NodePort', ['Service']],
    ['ExternalName', ['Service']],
    ['hostNetwork', ['Deployment']],
    ['privileged', ['Deployment']],
    ['capabilities', ['Deployment']],
    ['hostPath', ['Deployment']],
    ['hostPath in a CronJob', ['CronJob']],
    ['wildcard rights', ['Role']],
    ['ClusterRole of others', ['RoleBinding']],
    ['token', ['Secret']],
  ])('what the plan allows is made, and goes with the instance: %s', async (rule, made) => {
    const { instance, failure } = await provisioned('loose', rule);
    expect(failure).toBe('');
    const objects = await objectsOf(instance.id);
    for (const kind of made) expect(objects).toContainEqual(expect.stringMatching(new RegExp(`^${kind}/`)));
    await instance.deprovision(broker);
    expect(await objectsOf(instance.id)).toEqual([]);
    expect(await namespacesOf(home)).toEqual([]);
  });

  it('what only Pod Security refuses fails with its words, and what it warned of goes with the instance', async () => {
    const { instance, failure } = await provisioned('strict', 'nothing but Pod Security');
    console.log(failure);
    expect(failure).toMatch(
      /Deployment i-\S+-server-odd cannot run: would violate PodSecurity "restricted:latest": runAsNonRoot != true/,
    );
    await instance.deprovision(broker);
    expect(await namespacesOf(home)).toEqual([]);

    const allowed = await provisioned('baseline', 'nothing but Pod Security');
    expect(allowed.failure).toBe('');
    const [namespace] = await namespacesOf(home, allowed.instance.id);
    expect(namespace?.metadata?.labels).toMatchObject({ 'pod-security.kubernetes.io/enforce': 'baseline' });
    await allowed.instance.deprovision(broker);
  });
});
