// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ServiceBinding } from '../../src/domain/binding.ts';
import { ChandlerError } from '../../src/domain/errors.ts';
import type { ServiceInstance } from '../../src/domain/instance.ts';
import { KubeError } from '../../src/kube/types.ts';
import { annotationKeys, identityLabels } from '../../src/lib/labels.ts';
import { serverBind } from '../support/server-plan.ts';
import { appNamespace, present, startWorkerHarness, type WorkerHarness } from '../support/worker-harness.ts';

let harness: WorkerHarness;
beforeAll(async () => {
  harness = await startWorkerHarness();
});
afterAll(() => harness?.close());
beforeEach(() => {
  harness.startWatcher();
  harness.startWorker();
});
afterEach(async () => {
  await harness.stopAll();
  harness.provider.before = () => undefined;
});

async function provisioned(timeouts = {}): Promise<ServiceInstance> {
  const { instance, operation } = await harness.provision({ timeouts });
  expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
  return harness.instance(instance);
}

async function bound(instance: ServiceInstance): Promise<ServiceBinding> {
  const { binding, operation } = await harness.bind(instance);
  expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
  return harness.binding(binding);
}

const delivered = ({ externalName }: ServiceBinding) =>
  harness.cluster.all().filter(({ metadata }) => metadata.name === externalName);

const text = (encoded: unknown) => Buffer.from(String(encoded), 'base64').toString();

/** Fails the calls of one verb as long as `times` lasts. */
function failCalls(
  verb: 'create' | 'revoke',
  code: 'ServerUnreachable' | 'CredentialsRejected',
  times: number,
) {
  let left = times;
  harness.provider.before = (called) => {
    if (called !== verb || left <= 0) return;
    left -= 1;
    throw new ChandlerError(code, { sentence: `The server said no to ${verb}.` });
  };
}

describe('a bind', () => {
  test('makes a login of its own and delivers it as Secret and ConfigMap into the namespace of the app', async () => {
    const instance = await provisioned();
    const binding = await bound(instance);

    const { host, port } = instance.outputs;
    expect(binding.state).toBe('bound');
    expect(present(binding.credentials).reveal()).toEqual({
      ...{ host, port, username: binding.externalName, password: binding.password.reveal() },
    });
    const [secret, configMap] = delivered(binding);
    expect(secret).toMatchObject({ kind: 'Secret', type: 'servicebinding.io/postgresql' });
    const data = (present(secret).data ?? {}) as Record<string, string>;
    expect(Object.fromEntries(Object.entries(data).map(([key, value]) => [key, text(value)]))).toMatchObject({
      ...{ type: 'postgresql', host, port: '5432', username: binding.externalName },
      password: binding.password.reveal(),
    });
    expect(configMap).toMatchObject({ kind: 'ConfigMap', data: { host, port: '5432' } });
    expect(JSON.stringify(configMap)).not.toContain(binding.password.reveal());
    for (const object of [present(secret), present(configMap)]) {
      const { installationId } = harness.store;
      const identity = { installationId, instanceUid: instance.uid, bindingUid: binding.uid };
      expect(object.metadata).toMatchObject({
        namespace: appNamespace,
        labels: identityLabels(identity),
        annotations: { [annotationKeys.bindingId]: binding.bindingId },
      });
    }
  });

  test('attaches what the plan says, to be read with the credentials', async () => {
    const attachments = { syslogDrainUrl: 'syslog-tls://${outputs.host}:6514/${instance.name}' };
    const { instance, operation } = await harness.provision({ bind: { ...serverBind, attachments } });
    await harness.untilFinished(operation);
    const binding = await bound(instance);
    const { externalName, namespace } = instance;
    expect(binding.attachments?.reveal()).toEqual({
      syslogDrainUrl: `syslog-tls://${externalName}-server.${namespace}.svc:6514/${externalName}`,
    });
    expect((await bound(await provisioned())).attachments).toBeUndefined();
  });

  test('of a plan whose attachments cannot be used fails before a login is made', async () => {
    const attachments = { routeServiceUrl: 'http://${outputs.host}' };
    const { instance, operation } = await harness.provision({ bind: { ...serverBind, attachments } });
    await harness.untilFinished(operation);
    const { binding, operation: binds } = await harness.bind(instance);
    expect(await harness.untilFinished(binds)).toMatchObject({ errorCode: 'TemplateFailed' });
    expect(harness.provider.logins).not.toContain(binding.externalName);
  });

  test('of a plan with a lifetime makes a login that ends with it', async () => {
    const { instance, operation } = await harness.provision({
      bind: { ...serverBind, lifetime: 3600, renewBefore: 600 },
    });
    await harness.untilFinished(operation);
    const binding = await bound(instance);
    const expiresAt = present(binding.expiresAt);
    expect(expiresAt.getTime() - present(binding.renewBefore).getTime()).toBe(600_000);
    expect(harness.provider.bindingOf(binding.externalName)?.expiresAt).toEqual(expiresAt);
  });

  test('whose user asked for it gets a login that only reads', async () => {
    const instance = await provisioned();
    for (const [readOnly, expected] of [
      [true, true],
      [false, undefined],
    ] as const) {
      const { binding, operation } = await harness.bind(instance, undefined, undefined, { readOnly });
      await harness.untilFinished(operation);
      expect(harness.provider.bindingOf(binding.externalName)?.readOnly).toBe(expected);
    }
  });

  test('of a plan whose engine this Chandler does not have is tried again, as a fault of ours', async () => {
    const { instance, operation } = await harness.provision({ timeouts: { bind: 1 } });
    await harness.untilFinished(operation);
    await harness.stopAll();
    harness.startWorker({ providers: {} });
    const { operation: binds } = await harness.bind(instance);
    expect(await harness.untilFinished(binds)).toMatchObject({ errorCode: 'DeadlineExceeded' });
    expect(harness.eventsOf('operationRetried', binds)[0]?.fields).toMatchObject({ errorCode: 'Internal' });
  });

  test('that comes during the provision waits for it, and then succeeds', async () => {
    const held = harness.cluster.holdNext(({ verb, kind }) => verb === 'apply' && kind === 'StatefulSet');
    const { instance, operation } = await harness.provision();
    await held.reached;
    const { binding, operation: binds } = await harness.bind(instance);
    await harness.untilDescribed(binds, 'waiting for the service instance');
    expect(harness.provider.logins).not.toContain(binding.externalName);
    held.resume();
    expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
    expect(await harness.untilFinished(binds)).toMatchObject({ state: 'succeeded' });
    expect((await harness.binding(binding)).state).toBe('bound');
  });

  test('that waits for a provision which fails, fails with it', async () => {
    const held = harness.cluster.holdNext(({ verb, kind }) => verb === 'apply' && kind === 'StatefulSet');
    const { instance } = await harness.provision();
    await held.reached;
    harness.cluster.failNext(({ verb }) => verb === 'apply', new KubeError(422, 'Invalid', 'no'));
    const { binding, operation } = await harness.bind(instance);
    held.resume();
    expect(await harness.untilFinished(operation)).toMatchObject({
      ...{ state: 'failed', errorCode: 'InstanceNotUsable' },
    });
    expect((await harness.binding(binding)).state).toBe('bind failed');
  });

  test('into a namespace that is missing fails and says so', async () => {
    const { binding, operation } = await harness.bind(await provisioned(), 'nowhere');
    expect(await harness.untilFinished(operation)).toMatchObject({
      ...{ state: 'failed', errorCode: 'NamespaceMissing' },
      description: 'The namespace nowhere does not exist or is being deleted.',
    });
    expect((await harness.binding(binding)).state).toBe('bind failed');
  });

  test('that failed after its login was made leaves none behind once it is deleted', async () => {
    const { binding, operation } = await harness.bind(await provisioned(), 'nowhere');
    await harness.untilFinished(operation);
    expect(harness.provider.logins).toContain(binding.externalName);
    expect(await harness.untilFinished(await harness.unbind(binding))).toMatchObject({ state: 'succeeded' });
    expect(harness.provider.logins).not.toContain(binding.externalName);
  });

  test('tries a server again that does not answer, with the same password', async () => {
    const instance = await provisioned();
    failCalls('create', 'ServerUnreachable', 1);
    const { binding, operation } = await harness.bind(instance);
    expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
    expect(harness.eventsOf('operationRetried', operation)).toMatchObject([
      { fields: { attempts: 1, errorCode: 'ServerUnreachable' } },
    ]);
    const { password, credentials } = await harness.binding(binding);
    expect(present(credentials).reveal().password).toBe(password.reveal());
  });

  test('that the server refuses fails with its reason, and nothing is delivered', async () => {
    const instance = await provisioned();
    failCalls('create', 'CredentialsRejected', 1);
    const { binding, operation } = await harness.bind(instance);
    expect(await harness.untilFinished(operation)).toMatchObject({
      ...{ state: 'failed', errorCode: 'CredentialsRejected' },
      description: 'The server said no to create.',
    });
    expect(delivered(binding)).toEqual([]);
  });
});

describe('an unbind', () => {
  test('revokes the login first and then withdraws what was delivered', async () => {
    const binding = await bound(await provisioned());
    const order: string[] = [];
    harness.provider.before = (verb) => void order.push(verb);
    const { beforeWrite } = harness.cluster;
    harness.cluster.beforeWrite = ({ verb, kind }) => void order.push(`${verb} ${kind}`);
    await harness.untilFinished(await harness.unbind(binding));
    harness.cluster.beforeWrite = beforeWrite;

    expect(order).toEqual(['revoke', 'delete Secret', 'delete ConfigMap']);
    expect(delivered(binding)).toEqual([]);
    expect((await harness.binding(binding)).state).toBe('unbound');
  });

  test('leaves other bindings of the instance alone', async () => {
    const instance = await provisioned();
    const [stays, goes] = [await bound(instance), await bound(instance)];
    await harness.untilFinished(await harness.unbind(goes));
    expect(delivered(stays).map(({ kind }) => kind)).toEqual(['Secret', 'ConfigMap']);
    expect(harness.provider.logins).toContain(stays.externalName);
  });

  test('whose server keeps failing says why, stays in progress and keeps the Secret until its time is over', async () => {
    const binding = await bound(await provisioned({ unbind: 2 }));
    failCalls('revoke', 'ServerUnreachable', Number.POSITIVE_INFINITY);
    const operation = await harness.unbind(binding);
    await harness.untilDescribed(operation, 'The server said no to revoke.');
    expect(await harness.store.findOperation(operation.uid)).toMatchObject({
      ...{ state: 'in progress', errorCode: 'ServerUnreachable' },
    });
    expect((await harness.binding(binding)).state).toBe('unbinding');

    const finished = await harness.untilFinished(operation);
    expect(finished).toMatchObject({
      ...{ state: 'failed', errorCode: 'DeadlineExceeded' },
      description:
        'The operation did not finish within its time limit. Last state: The server said no to revoke.',
    });
    // At its deadline, not a backoff later.
    expect(present(finished.finishedAt).getTime() - finished.deadline.getTime()).toBeLessThan(1_000);
    expect((await harness.binding(binding)).state).toBe('unbind failed');
    expect(delivered(binding).map(({ kind }) => kind)).toEqual(['Secret', 'ConfigMap']);
  });

  test('during the bind leaves neither login nor Secret, however late the worker of the bind is', async () => {
    const instance = await provisioned();
    const held = harness.cluster.holdNext(({ verb, kind }) => verb === 'create' && kind === 'Secret');
    const { binding, operation } = await harness.bind(instance);
    await held.reached;
    const unbinds = await harness.unbind(binding);
    held.resume();
    expect(await harness.untilFinished(unbinds)).toMatchObject({ state: 'succeeded' });
    expect(delivered(binding)).toEqual([]);
    expect(harness.provider.logins).not.toContain(binding.externalName);
    expect((await harness.binding(binding)).state).toBe('unbound');
    expect(await harness.untilFinished(operation)).toMatchObject({ state: 'failed', errorCode: 'Cancelled' });
    expect(harness.eventsOf('leaseLost', operation)).toHaveLength(1);
  });
});
