/** A checker that cannot fail proves nothing: each invariant is broken once, alone, and found. */
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/lib/json.ts';
import type { Exchange, History, LoginTry, Verb } from './history.ts';
import { brokenInvariants } from './invariants.ts';
import type { OperationRow, OutsideObject, World } from './world.ts';

const instance = { uid: 'uid-1', instanceId: 'one', state: 'ready' };
const binding = { uid: 'uid-b', bindingId: 'bee', instanceId: 'one', state: 'bound', login: 'b_bee' };
const password = 'binding-password';

let clock = 0;
function tick(): number {
  clock += 10;
  return clock;
}

function asked(
  verb: Verb,
  status: number | undefined,
  body: JsonObject = {},
  more: Partial<Exchange> = {},
): Exchange {
  const sentAt = tick();
  return {
    ...{ verb, instanceId: 'one', sentAt },
    ...(status === undefined ? {} : { answer: { at: tick(), status, body } }),
    ...more,
  };
}

const aboutBinding = { bindingId: 'bee' };
const poll = (operation: string, state: string) => asked('poll', 200, { state }, { operation });
const provisioned = () => [
  asked('provision', 202, { operation: 'op-1' }),
  poll('op-1', 'in progress'),
  poll('op-1', 'succeeded'),
  asked('fetch', 200),
];
const bound = () => [asked('bind', 201, { credentials: {} }, aboutBinding)];
const unbound = () => [asked('unbind', 200, {}, aboutBinding)];
const deprovisioned = () => [
  asked('deprovision', 202, { operation: 'op-2' }),
  asked('poll', 410, {}, { operation: 'op-2' }),
];

function operation(uid: string, change: Partial<OperationRow> = {}): OperationRow {
  const createdAt = new Date('2026-01-01T00:00:00Z');
  const at = (seconds: number) => new Date(createdAt.getTime() + seconds * 1000);
  return {
    ...{ uid, type: 'provision', state: 'succeeded', createdAt },
    ...{ finishedAt: at(5), deadline: at(600) },
    ...change,
  };
}

function object(kind: string, change: Partial<OutsideObject> = {}): OutsideObject {
  return {
    ...{ kind, name: `i-one/${kind}`, instanceUid: 'uid-1', bindingUid: '', resource: 'server' },
    deleting: false,
    ...change,
  };
}

function history(exchanges: Exchange[], logins: LoginTry[] = []): History {
  return { exchanges, logins };
}

function world(change: Partial<World> = {}): World {
  return {
    instances: [instance],
    bindings: [binding],
    operations: [operation('op-1'), operation('op-2')],
    objects: [
      object('Namespace'),
      object('Service'),
      object('Secret', { bindingUid: 'uid-b', resource: '' }),
    ],
    logins: ['b_bee'],
    texts: { 'the log': 'nothing to see' },
    canaries: [password],
    ...change,
  };
}

const goneWorld = (change: Partial<World> = {}) =>
  world({
    instances: [{ ...instance, state: 'deprovisioned' }],
    bindings: [{ ...binding, state: 'unbound' }],
    ...{ objects: [], logins: [] },
    ...change,
  });

const login = (works: boolean): LoginTry => ({
  ...{ instanceId: 'one', bindingId: 'bee' },
  ...{ startedAt: tick(), works },
});

/** Which invariants are broken, by their numbers. */
function broken(given: History, outside: World): string {
  return Object.keys(brokenInvariants(given, outside))
    .map((name) => name.slice(0, 2))
    .join(' ');
}

describe('nothing is broken', () => {
  it('by a whole life', () => {
    const made = [...provisioned(), ...bound()];
    const works = login(true);
    const removed = [...unbound(), ...deprovisioned()];
    expect(broken(history([...made, ...removed], [works, login(false)]), goneWorld())).toBe('');
    expect(broken(history(made, [works]), world())).toBe('');
  });

  it('by what is gone because a request for it may have arrived', () => {
    const lost = asked('deprovision', undefined);
    expect(broken(history([...provisioned(), ...bound(), lost]), goneWorld())).toBe('');
  });

  it('by a PUT that got no answer and did not happen', () => {
    expect(broken(history([asked('provision', undefined)]), goneWorld({ instances: [], bindings: [] }))).toBe(
      '',
    );
  });

  it('by an object that is on its way out', () => {
    const given = history([...provisioned(), ...deprovisioned()]);
    expect(broken(given, goneWorld({ objects: [object('Namespace', { deleting: true })] }))).toBe('');
  });

  it('by answers that came before the final one was sent', () => {
    const early = poll('op-1', 'in progress');
    const late = { ...early, sentAt: early.sentAt - 1 };
    const final = { ...poll('op-1', 'succeeded'), sentAt: early.sentAt - 5 };
    final.answer = { at: early.sentAt, status: 200, body: { state: 'succeeded' } };
    expect(broken(history([asked('provision', 202, { operation: 'op-1' }), final, late]), world())).toBe('');
  });
});

describe('I1 is broken by', () => {
  it('an acknowledged instance without a row', () => {
    const objects = { objects: [], logins: [], bindings: [] };
    expect(broken(history(provisioned()), world({ instances: [], ...objects }))).toBe('I1');
  });

  it('an instance that is gone although nobody asked for it', () => {
    expect(broken(history([asked('provision', 202, { operation: 'op-1' })]), goneWorld())).toBe('I1');
  });

  it('an operation that was promised and has no row', () => {
    expect(broken(history(provisioned()), world({ operations: [operation('op-2')] }))).toBe('I1');
  });

  it('an acknowledged binding that is gone although nobody asked for it', () => {
    const unboundWorld = world({
      bindings: [{ ...binding, state: 'unbound' }],
      objects: [object('Namespace')],
      logins: [],
    });
    expect(broken(history([...provisioned(), ...bound()]), unboundWorld)).toBe('I1');
  });

  it('a deprovision that was reported as complete and is not', () => {
    const failed = world({ instances: [{ ...instance, state: 'deprovision failed' }] });
    expect(broken(history([...provisioned(), ...deprovisioned()]), failed)).toBe('I1');
  });
});

describe('I2 is broken by', () => {
  it('two objects of one resource', () => {
    const objects = [object('Service', { name: 'i-one/a' }), object('Service', { name: 'i-two/a' })];
    expect(broken(history(provisioned()), world({ objects }))).toBe('I2');
  });

  it('two instances of one id', () => {
    const instances = [instance, { ...instance, uid: 'uid-2' }];
    const objects = [object('Namespace'), object('Namespace', { instanceUid: 'uid-2' })];
    expect(broken(history(provisioned()), world({ instances, objects }))).toBe('I2');
  });

  it('two logins of one binding', () => {
    const bindings = [binding, { ...binding, uid: 'uid-c', login: 'b_other' }];
    const given = history([...provisioned(), ...bound()]);
    expect(broken(given, world({ bindings, logins: ['b_bee', 'b_other'] }))).toBe('I2');
  });
});

describe('I3 is broken by', () => {
  it('an object whose instance is unknown', () => {
    const objects = [object('Namespace', { instanceUid: 'nobody' })];
    expect(broken(history(provisioned()), world({ objects }))).toBe('I3');
  });

  it('an object that outlived its instance', () => {
    const given = history([...provisioned(), ...deprovisioned()]);
    expect(broken(given, goneWorld({ objects: [object('ConfigMap')] }))).toBe('I3');
  });

  it('a delivered Secret that outlived its binding', () => {
    const given = history([...provisioned(), ...bound(), ...unbound()]);
    const outside = { bindings: [{ ...binding, state: 'unbound' }], logins: [] };
    expect(broken(given, world(outside))).toBe('I3');
  });

  it('a login that outlived its binding', () => {
    const given = history([...provisioned(), ...bound(), ...unbound(), ...deprovisioned()]);
    expect(broken(given, goneWorld({ logins: ['b_bee'] }))).toBe('I3');
  });
});

describe('I4 is broken by a login that works', () => {
  it('after the unbind was answered', () => {
    const given = [...provisioned(), ...bound(), ...unbound(), ...deprovisioned()];
    expect(broken(history(given, [login(true)]), goneWorld())).toBe('I4');
  });

  it('after the poll of the unbind said so', () => {
    const unbinding = asked('unbind', 202, { operation: 'op-1' }, aboutBinding);
    const done = asked('poll', 200, { state: 'succeeded' }, { ...aboutBinding, operation: 'op-1' });
    const given = [...provisioned(), ...bound(), unbinding, done, ...deprovisioned()];
    expect(broken(history(given, [login(true)]), goneWorld())).toBe('I4');
  });

  it('after its instance was deprovisioned', () => {
    const given = [...provisioned(), ...bound(), ...deprovisioned()];
    expect(broken(history(given, [login(true)]), goneWorld())).toBe('I4');
  });
});

describe('I5 is broken by', () => {
  it('an operation that succeeded and then is in progress, or failed', () => {
    expect(broken(history([...provisioned(), poll('op-1', 'in progress')]), world())).toBe('I5');
    expect(broken(history([...provisioned(), poll('op-1', 'failed')]), world())).toBe('I5');
  });

  it('an instance that was there and then was not', () => {
    expect(broken(history([...provisioned(), asked('fetch', 404)]), world())).toBe('I5');
  });
});

describe('I6 is broken by', () => {
  it('the same PUT that is refused', () => {
    expect(broken(history([...provisioned(), asked('provision', 409)]), world())).toBe('I6');
    expect(
      broken(history([...provisioned(), ...bound(), asked('bind', 409, {}, aboutBinding)]), world()),
    ).toBe('I6');
  });

  it('another PUT that is accepted', () => {
    expect(broken(history([...provisioned(), asked('conflicting provision', 200)]), world())).toBe('I6');
  });
});

describe('I7 is broken by', () => {
  it('an operation without end', () => {
    const endless = operation('op-2', { state: 'in progress', finishedAt: null });
    expect(broken(history(provisioned()), world({ operations: [operation('op-1'), endless] }))).toBe('I7');
  });

  it('an operation that ended long after its deadline', () => {
    const late = operation('op-2', { finishedAt: new Date('2026-01-01T00:12:00Z') });
    expect(broken(history(provisioned()), world({ operations: [operation('op-1'), late] }))).toBe('I7');
  });
});

describe('I8 is broken by a secret', () => {
  it('in a log or a table', () => {
    expect(broken(history(provisioned()), world({ texts: { 'the log': `oops ${password}` } }))).toBe('I8');
  });

  it('in an error over HTTP, but not in the answer to a bind', () => {
    const given = [...provisioned(), asked('bind', 201, { credentials: { password } }, aboutBinding)];
    expect(broken(history(given), world())).toBe('');
    const error = asked('bind', 500, { description: password }, aboutBinding);
    expect(broken(history([...given, error]), world())).toBe('I8');
  });
});
