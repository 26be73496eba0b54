/** Brings instances and bindings of the fake into each state of the state matrix, by requests of a platform. */
import { expect } from 'vitest';
import type { BindingCondition, InstanceCondition } from '../../src/domain/state-matrix.ts';
import { KubeError } from '../../src/kube/types.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import {
  type FakeRequests,
  fakeRequests,
  freshId,
  type OsbBroker,
  untilOver,
} from '../support/osb-broker.ts';
import { bound, externalNameOf, readyInstance, usernameOf } from './binding-steps.ts';

const long = 600_000;
/** Long enough for one request to meet it, short enough to wait for its end. */
const moment = 1_500;
const context = { platform: 'kubernetes', namespace: 'team-a' };

/** An instance in some state, with what it takes to send its own requests again. */
export interface Placed {
  requests: FakeRequests;
  /** A binding of it, when the request is about one. */
  bindingId: string;
  /** Body of the PUT that made it. */
  provisioned: JsonObject;
  /** Body of a PATCH: the running one if there is any. */
  updated: JsonObject;
}

async function untilFailed(broker: OsbBroker, requests: FakeRequests): Promise<void> {
  expect((await untilOver(broker, requests.poll())).json).toMatchObject({ state: 'failed' });
}

/** @param withBinding whether there shall be a binding that can be unbound in that state */
export async function placeInstance(
  broker: OsbBroker,
  condition: InstanceCondition,
  plan: string,
  withBinding: boolean,
): Promise<Placed> {
  const bindingId = freshId();
  const other = { parameters: { note: 'changed' } };
  const placed = (requests: FakeRequests, parameters: JsonObject, updated: JsonObject = other): Placed => ({
    requests,
    bindingId,
    provisioned: { context, parameters },
    updated,
  });
  const ready = async (parameters: JsonObject, bind = withBinding): Promise<Placed> => {
    const requests = await readyInstance(broker, plan, parameters, { context });
    if (bind) await bound(broker, requests, bindingId);
    return placed(requests, parameters);
  };
  const update = async (parameters: JsonObject): Promise<Placed> => {
    const { requests } = await ready({});
    await broker.send(requests.update({ parameters }));
    return placed(requests, {}, { parameters });
  };

  switch (condition) {
    case 'none':
      return placed(fakeRequests(plan), {});
    case 'provisioning':
    case 'provision failed': {
      const parameters =
        condition === 'provisioning' ? { milliseconds: long } : { fail: 'provision', milliseconds: 50 };
      const requests = fakeRequests(plan);
      await broker.send(requests.provision({ context, parameters }));
      if (withBinding) await broker.send(requests.bind(bindingId));
      if (condition === 'provision failed') await untilFailed(broker, requests);
      if (withBinding && condition === 'provision failed') {
        await untilOver(broker, requests.pollBinding(bindingId));
      }
      return placed(requests, parameters);
    }
    case 'ready':
      return ready({});
    case 'updating':
      return update({ milliseconds: long });
    case 'update failed':
    case 'update failed, unusable': {
      const result = await update({ fail: condition === 'update failed' ? 'update' : 'broken-update' });
      await untilFailed(broker, result.requests);
      return { ...result, updated: other };
    }
    case 'deprovisioning': {
      const result = await ready({ removeMilliseconds: long });
      // Held up at its first step, the binding, or else at its last one.
      if (withBinding) {
        broker.fake.behave(await externalNameOf(broker, result.requests), { bindMilliseconds: moment });
      }
      await broker.send(result.requests.deprovision());
      return result;
    }
    case 'deprovision failed': {
      const result = await ready({}, true);
      const binding = await broker.send(result.requests.fetchBinding(bindingId));
      const name = usernameOf(binding);
      broker.cluster.failNext(
        ({ verb, reference }) => verb === 'delete' && reference.name === name,
        new KubeError(403, 'Forbidden', 'not now'),
      );
      await broker.send(result.requests.deprovision());
      await untilFailed(broker, result.requests);
      return result;
    }
    case 'deprovision failed, unusable': {
      const result = await ready({ fail: 'unbind-deprovision' });
      await broker.send(result.requests.deprovision());
      await untilFailed(broker, result.requests);
      broker.fake.behave(await externalNameOf(broker, result.requests), { fail: '' });
      return result;
    }
    case 'deprovisioned': {
      const result = await ready({});
      await broker.send(result.requests.deprovision());
      await untilOver(broker, result.requests.poll());
      return result;
    }
  }
}

/** The instance is ready. */
export async function placeBinding(
  broker: OsbBroker,
  condition: BindingCondition,
  plan: string,
): Promise<Placed> {
  const requests = await readyInstance(broker, plan, {}, { context });
  const name = await externalNameOf(broker, requests);
  const bindingId = freshId();
  const behave = (inputs: JsonObject) => broker.fake.behave(name, inputs);
  const until = () => untilOver(broker, requests.pollBinding(bindingId));
  switch (condition) {
    case 'none':
      break;
    case 'binding':
      behave({ bindMilliseconds: moment });
      await broker.send(requests.bind(bindingId));
      break;
    case 'bind failed':
      behave({ fail: 'bind' });
      await broker.send(requests.bind(bindingId));
      await until();
      behave({ fail: '' });
      break;
    case 'bound':
      await bound(broker, requests, bindingId);
      break;
    case 'unbinding':
      await bound(broker, requests, bindingId);
      behave({ bindMilliseconds: moment });
      await broker.send(requests.unbind(bindingId));
      break;
    case 'unbind failed':
      await bound(broker, requests, bindingId);
      behave({ fail: 'unbind' });
      await broker.send(requests.unbind(bindingId));
      await until();
      behave({ fail: '' });
      break;
    case 'unbound':
      await bound(broker, requests, bindingId);
      await broker.send(requests.unbind(bindingId));
      await until();
      break;
  }
  return { requests, bindingId, provisioned: {}, updated: {} };
}
