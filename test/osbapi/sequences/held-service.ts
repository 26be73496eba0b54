/**
 * The service in memory (fake-kind.ts), steered: each of its effects waits until the test says how it ends. An effect
 * whose operation was cancelled meanwhile comes late, as that of a slow worker does, and must not outlive what follows.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ChandlerError } from '../../../src/domain/errors.ts';
import type { Events, OperationFields } from '../../../src/telemetry/events.ts';
import type { FakeService } from '../../support/fake-kind.ts';
import type { OsbBroker } from '../../support/osb-broker.ts';
import type { Fate, Operation, Verdict } from './model.ts';

type OperationType = Operation['type'];

/** An operation that an effect may be of. */
interface Doer {
  uid: string;
  type: OperationType;
  state: string;
  instanceId: string;
  bindingId?: string;
}

const longestMs = 10_000;
/** Nothing but a cancellation could end it then, and that comes with the answers. */
const longestHeldMs = 300;
/** How much later than its cancellation an effect comes: what follows could overtake it, if it did not wait. */
const lateMs = 15;
const sentence = 'The service was told to fail.';

export class HeldService {
  readonly #fates = new Map<string, Fate>();
  readonly #held = new Map<string, { instanceId: string; go: (verdict: Verdict) => void }>();
  readonly #over = new Set<string>();
  readonly #broken = new Set<string>();
  /** Nothing of these instances is held any more. */
  readonly #letGo = new Set<string>();
  /** What came of an operation's first effect: an update that failed cannot be taken back either. */
  readonly #given = new Map<string, Verdict>();
  /** Of whom a name in the fake is: `instanceId`, or `instanceId bindingId`. */
  readonly #owners = new Map<string, string>();
  #fake: FakeService | undefined;

  /** For the broker that is to be steered; each process of it tells of its own operations. */
  readonly events: Partial<Events> = {
    operationSucceeded: (fields) => this.#end(fields),
    operationFailed: (fields) => this.#end(fields),
    operationCancelled: (fields) => this.#end(fields),
  };

  /** Comes between the broker's worker and its fake. */
  attach(broker: Pick<OsbBroker, 'fake' | 'query'>): void {
    this.#fake = broker.fake;
    const { externals, providers } = broker.fake;
    const { fake: external } = externals;
    const { fake: provider } = providers;
    if (external === undefined || provider === undefined) throw new Error('the fake has changed its name');
    externals.fake = {
      ...external,
      apply: async (resource) => {
        const doer = await instanceDoer(broker, resource.name);
        if (doer !== undefined) this.#owners.set(resource.name, ownerOf(doer.instanceId));
        const verdict = await this.#verdict(doer, ['provision', 'update']);
        if (verdict === 'refuses') throw new ChandlerError('ApplyRejected', { sentence });
        await external.apply(resource);
        if (verdict === 'breaks') this.#broken.add(resource.name);
        else this.#broken.delete(resource.name);
      },
      observe: async (name) =>
        this.#broken.has(name) ? { kind: 'failed', message: sentence } : external.observe(name),
      remove: async (name) => {
        const verdict = await this.#verdict(await instanceDoer(broker, name), ['deprovision']);
        if (verdict !== 'works') throw new ChandlerError('ResourceFailed', { sentence });
        return external.remove(name);
      },
    };
    providers.fake = {
      ...provider,
      create: async (spec, target, binding) => {
        const doer = await bindingDoer(broker, binding.bindingName);
        if (doer !== undefined)
          this.#owners.set(binding.bindingName, ownerOf(doer.instanceId, doer.bindingId));
        const verdict = await this.#verdict(doer, ['bind']);
        if (verdict !== 'works') throw new ChandlerError('CredentialsRejected', { sentence });
        return provider.create(spec, target, binding);
      },
      revoke: async (spec, target, binding) => {
        const verdict = await this.#verdict(await bindingDoer(broker, binding.bindingName), ['unbind']);
        if (verdict !== 'works') throw new ChandlerError('CredentialsRejected', { sentence });
        return provider.revoke(spec, target, binding);
      },
    };
  }

  /** What becomes of the next operation of that type: of an instance, or of a binding. */
  decide(fate: Fate, type: OperationType, instanceId: string, bindingId?: string): void {
    this.#fates.set(keyOf(type, instanceId, bindingId), fate);
  }

  /** Lets an operation that is held end. */
  release(token: string, verdict: Verdict): void {
    this.#held.get(token)?.go(verdict);
  }

  /** Of these instances everything works from now on. */
  letGo(instanceIds: readonly string[]): void {
    for (const instanceId of instanceIds) this.#letGo.add(instanceId);
    for (const held of [...this.#held.values()]) {
      if (instanceIds.includes(held.instanceId)) held.go('works');
    }
  }

  isOver(token: string): boolean {
    return this.#over.has(token);
  }

  /** How many things, or logins, the service has for an id now. */
  countOf(instanceId: string, bindingId?: string): number {
    const names = bindingId === undefined ? this.#fake?.instances.keys() : this.#fake?.logins.keys();
    const owner = ownerOf(instanceId, bindingId);
    return [...(names ?? [])].filter((name) => this.#owners.get(name) === owner).length;
  }

  /**
   * Waits until an operation is over, or held if it shall be.
   * @returns false when that does not come
   */
  async untilQuiet(token: string, isToBeHeld: boolean): Promise<boolean> {
    let deadline = performance.now() + longestMs;
    while (!this.#over.has(token)) {
      if (this.#held.has(token)) {
        if (isToBeHeld) return true;
        deadline = Math.min(deadline, performance.now() + longestHeldMs);
      }
      if (performance.now() > deadline) return false;
      await sleep(1);
    }
    return true;
  }

  #end({ operationUid }: OperationFields): void {
    this.#over.add(operationUid);
    setTimeout(() => this.release(operationUid, 'works'), lateMs);
  }

  /** @param types of the operations that have this effect for its own sake */
  async #verdict(doer: Doer | undefined, types: readonly OperationType[]): Promise<Verdict> {
    // The effect of an operation that is over already, or a deprovision's on a binding.
    if (doer === undefined || doer.state !== 'in progress' || !types.includes(doer.type)) return 'works';
    const { uid, type } = doer;
    const given = this.#given.get(uid);
    if (given !== undefined) return given;
    const verdict = await this.#firstVerdict(doer);
    if (type === 'update') this.#given.set(uid, verdict);
    return verdict;
  }

  async #firstVerdict({ uid, type, instanceId, bindingId }: Doer): Promise<Verdict> {
    if (this.#over.has(uid) || this.#letGo.has(instanceId)) return 'works';
    const fate = this.#fates.get(keyOf(type, instanceId, bindingId)) ?? 'works';
    if (fate !== 'holds') return fate;
    return new Promise((resolve) => {
      const go = (verdict: Verdict) => {
        this.#held.delete(uid);
        resolve(verdict);
      };
      this.#held.set(uid, { instanceId, go });
    });
  }
}

function ownerOf(instanceId: string, bindingId = ''): string {
  return `${instanceId} ${bindingId}`;
}

function keyOf(type: OperationType, instanceId: string, bindingId?: string): string {
  return `${type} ${ownerOf(instanceId, bindingId)}`;
}

type Queried = Pick<OsbBroker, 'query'>;

async function instanceDoer(broker: Queried, name: string): Promise<Doer | undefined> {
  return doerOf(
    broker,
    `where i.external_name = '${name.replace(/-server$/, '')}' and o.binding_uid is null`,
  );
}

async function bindingDoer(broker: Queried, name: string): Promise<Doer | undefined> {
  return doerOf(broker, `where b.external_name = '${name}'`);
}

/** The latest operation of an instance or binding: it is under way, or this effect comes late. */
async function doerOf({ query }: Queried, where: string): Promise<Doer | undefined> {
  const [row] = await query(
    `select o.uid, o.type, o.state, i.instance_id, b.binding_id
     from operations o join service_instances i on i.uid = o.instance_uid
       left join service_bindings b on b.uid = o.binding_uid
     ${where} order by o.position desc limit 1`,
  );
  if (row === undefined) return undefined;
  return {
    uid: String(row.uid),
    type: row.type as OperationType,
    state: String(row.state),
    instanceId: String(row.instance_id),
    ...(typeof row.binding_id === 'string' ? { bindingId: row.binding_id } : {}),
  };
}
