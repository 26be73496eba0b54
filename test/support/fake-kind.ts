/**
 * A service in memory, for tests of the protocol: a provisioner and a credentials provider that a catalog names `fake`.
 * The inputs of its resource say how long each verb takes and which one fails. Several workers may share one.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BindingTarget, CredentialsProvider, EngineTarget } from '../../src/credentials/types.ts';
import { ChandlerError } from '../../src/domain/errors.ts';
import { canonicalJson, type JsonObject } from '../../src/lib/json.ts';
import { Redacted } from '../../src/lib/redacted.ts';
import type { ExternalProvisioner, ExternalState } from '../../src/provisioners/types.ts';

interface FakeInstance {
  inputs: JsonObject;
  readyAt: number;
  /** Why it does not work. */
  broken?: string;
  /** Inputs that will not mend it: those from before it broke, once. */
  beyondRepair?: string;
  removedAt?: number;
}

export type FakeEffect = 'provision' | 'update' | 'remove' | 'prepare' | 'login' | 'revoke';

const failMessage = 'The fake was told to fail.';
/** How often a worker looks at something that takes its time. Many that last would leave it no time for anything else. */
const mostPollMs = 1000;

export class FakeService {
  /** Every effect in order. */
  readonly effects: { effect: FakeEffect; name: string }[] = [];
  /** What exists now, by the name of the resource. */
  readonly instances = new Map<string, FakeInstance>();
  /** Logins that exist now, by the external name of their binding. */
  readonly logins = new Map<string, { instance: string; expiresAt?: Date }>();

  /** Of every login that was ever made: nothing may print one. */
  readonly passwords = new Set<string>();

  readonly externals: Record<string, ExternalProvisioner> = {
    fake: {
      apply: async ({ name, inputs }) => this.#apply(name, inputs),
      observe: async (name) => this.#observe(name),
      outputs: async (name) => ({ ...this.instances.get(name)?.inputs, host: 'fake.example', port: 5432 }),
      remove: async (name) => this.#remove(name),
    },
  };

  readonly providers: Record<string, CredentialsProvider> = {
    fake: {
      prepare: async (_spec, target) => this.#note('prepare', target.instanceName),
      create: (_spec, target, binding) => this.#createLogin(target, binding),
      revoke: (_spec, target, binding) => this.#revokeLogin(target, binding),
      listLogins: async (_spec, { instanceName }) =>
        [...this.logins].filter(([, { instance }]) => instance === instanceName).map(([login]) => login),
      loginName: (bindingName) => bindingName,
    },
  };

  /** Changes how an instance behaves from now on, by its external name, without an update. */
  behave(name: string, inputs: JsonObject): void {
    const known = this.instances.get(`${name}-server`);
    if (known === undefined) throw new Error(`there is no ${name}`);
    known.inputs = { ...known.inputs, ...inputs };
  }

  effectsOf(name: string): FakeEffect[] {
    return this.effects.filter((each) => each.name.startsWith(name)).map(({ effect }) => effect);
  }

  #note(effect: FakeEffect, name: string): void {
    this.effects.push({ effect, name });
  }

  #apply(name: string, inputs: JsonObject): void {
    const known = this.instances.get(name);
    if (
      known !== undefined &&
      known.broken === undefined &&
      canonicalJson(known.inputs) === canonicalJson(inputs)
    )
      return;
    if (known?.beyondRepair === canonicalJson(inputs)) {
      const { beyondRepair: _once, ...rest } = known;
      this.instances.set(name, { ...rest, inputs });
      return;
    }
    const again = known !== undefined && canonicalJson(known.inputs) === canonicalJson(inputs);
    const provisions = known === undefined || again;
    if (!provisions && inputs.fail === 'update') {
      throw new ChandlerError('ApplyRejected', { sentence: failMessage });
    }
    this.#note(provisions ? 'provision' : 'update', name);
    const fails = provisions
      ? inputs.fail === 'provision' || (inputs.fail === 'provision-once' && !again)
      : inputs.fail === 'broken-update';
    this.instances.set(name, {
      inputs,
      readyAt: Date.now() + numberOf(inputs.milliseconds),
      ...(fails ? { broken: failMessage } : {}),
      ...(fails && known !== undefined ? { beyondRepair: canonicalJson(known.inputs) } : {}),
    });
  }

  #observe(name: string): ExternalState {
    const known = this.instances.get(name);
    if (known === undefined) return { kind: 'failed', message: 'there is no such thing' };
    const left = known.readyAt - Date.now();
    if (left > 0)
      return { kind: 'waiting', message: 'not ready yet', pollAfterMs: Math.min(left, mostPollMs) };
    return known.broken === undefined ? { kind: 'ready' } : { kind: 'failed', message: known.broken };
  }

  #remove(name: string): 'gone' | 'deleting' {
    const known = this.instances.get(name);
    if (known === undefined) return 'gone';
    const { fail } = known.inputs;
    if (fail === 'broken-deprovision') known.broken = failMessage;
    if (typeof fail === 'string' && fail.endsWith('deprovision')) {
      throw new ChandlerError('ResourceFailed', { sentence: failMessage });
    }
    known.removedAt ??= Date.now();
    if (Date.now() - known.removedAt < numberOf(known.inputs.removeMilliseconds)) return 'deleting';
    this.#note('remove', name);
    this.instances.delete(name);
    return 'gone';
  }

  async #createLogin(
    { instanceName }: EngineTarget,
    { bindingName, password, expiresAt }: BindingTarget,
  ): Promise<Redacted<JsonObject>> {
    const inputs = this.#inputsOf(instanceName);
    await sleep(numberOf(inputs.bindMilliseconds));
    if (inputs.fail === 'bind') throw new ChandlerError('CredentialsRejected', { sentence: failMessage });
    this.passwords.add(password.reveal());
    this.#note('login', bindingName);
    this.logins.set(bindingName, {
      instance: instanceName,
      ...(expiresAt === undefined ? {} : { expiresAt }),
    });
    return new Redacted({
      host: 'fake.example',
      port: 5432,
      username: bindingName,
      password: password.reveal(),
    });
  }

  async #revokeLogin({ instanceName }: EngineTarget, { bindingName }: BindingTarget): Promise<void> {
    const inputs = this.#inputsOf(instanceName);
    await sleep(numberOf(inputs.bindMilliseconds));
    if (inputs.fail === 'unbind' || inputs.fail === 'unbind-deprovision')
      throw new ChandlerError('CredentialsRejected', { sentence: failMessage });
    this.#note('revoke', bindingName);
    this.logins.delete(bindingName);
  }

  #inputsOf(instanceName: string): JsonObject {
    return this.instances.get(`${instanceName}-server`)?.inputs ?? {};
  }
}

function numberOf(value: JsonObject[string] | undefined): number {
  return typeof value === 'number' ? value : 0;
}
