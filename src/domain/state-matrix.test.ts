import { describe, expect, it } from 'vitest';
import { errorCatalogue } from './errors.ts';
import { osbDefaults } from './osb-options.ts';
import {
  type BindingCondition,
  type BindingRequest,
  bindingMatrix,
  conditionOfInstance,
  type InstanceCondition,
  type InstanceRequest,
  instanceMatrix,
  reactionToBinding,
  reactionToInstance,
} from './state-matrix.ts';

const instanceCells = Object.entries(instanceMatrix).flatMap(([condition, requests]) =>
  Object.keys(requests).map(
    (request) => [condition as InstanceCondition, request as InstanceRequest] as const,
  ),
);
const bindingCells = Object.entries(bindingMatrix).flatMap(([condition, requests]) =>
  Object.keys(requests).map((request) => [condition as BindingCondition, request as BindingRequest] as const),
);

describe('the state matrix', () => {
  it('refuses only with 4xx: what a state forbids is no fault of the broker', () => {
    const reactions = [
      ...instanceCells.map(([condition, request]) => reactionToInstance(condition, request, osbDefaults)),
      ...bindingCells.map(([condition, request]) => reactionToBinding(condition, request, osbDefaults)),
    ];
    const statuses = reactions.flatMap((reaction) =>
      reaction.does === 'refuse' ? [errorCatalogue[reaction.code].status] : [],
    );
    expect(statuses.length).toBeGreaterThan(50);
    expect(statuses.filter((status) => status < 400 || status >= 500)).toEqual([]);
  });

  it('never answers a fetch or a poll with an operation', () => {
    const looking = instanceCells.filter(
      ([, request]) => request === 'fetch' || request === 'last operation',
    );
    for (const [condition, request] of looking) {
      expect(['answer', 'refuse'], condition).toContain(
        reactionToInstance(condition, request, osbDefaults).does,
      );
    }
  });

  it('lets an instance be deleted in every state in which there is one, so that nothing can be left behind', () => {
    for (const condition of Object.keys(instanceMatrix) as InstanceCondition[]) {
      const { does } = reactionToInstance(condition, 'deprovision', osbDefaults);
      expect(does === 'refuse', condition).toBe(condition === 'none' || condition === 'deprovisioned');
    }
  });

  it('lets a binding be deleted in every state in which there is one', () => {
    for (const condition of Object.keys(bindingMatrix) as BindingCondition[]) {
      const { does } = reactionToBinding(condition, 'unbind', osbDefaults);
      expect(does === 'refuse', condition).toBe(condition === 'none' || condition === 'unbound');
    }
  });

  it('says "cancel and begin" only where an operation runs', () => {
    const replaced = instanceCells.filter(
      ([condition, request]) => reactionToInstance(condition, request, osbDefaults).does === 'replace',
    );
    expect(replaced).toEqual([
      ['provisioning', 'deprovision'],
      ['updating', 'deprovision'],
    ]);
  });

  it('knows a failed instance that cannot be used from one that can', () => {
    expect(conditionOfInstance({ state: 'update failed', usable: true })).toBe('update failed');
    expect(conditionOfInstance({ state: 'update failed', usable: false })).toBe('update failed, unusable');
    expect(conditionOfInstance({ state: 'ready', usable: false })).toBe('ready');
    expect(conditionOfInstance(undefined)).toBe('none');
  });
});
