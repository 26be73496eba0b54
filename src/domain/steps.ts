/** The steps in which operations change rows and what is outside of them, by name: failpoints and tests point at them. */
import type { OperationType } from './operation.ts';

/** A moment before a step, or after it: what was written is committed, what is outside has its effect. */
export interface Step {
  verb: OperationType;
  when: 'before' | 'after';
  name: string;
}

/** Awaited at each step; the work goes on when it resolves, and fails with what it throws. */
export type StepHook = (step: Step) => Promise<void> | void;

/** Rows and objects of resources: written down first, then made. */
const making = ['plan-<resource>', 'create-<kind>', 'apply-<kind>', 'record-<kind>'];
const removing = ['delete-<kind>', 'remove-<kind>', 'forget-<kind>'];

/**
 * What steps each type of operation has. `accept` is the transaction of the request that promises it, `release` the one
 * that gives it back to wait, `finish` the one that ends it. `<kind>` is the kind of an object or the name of a
 * provisioner, in small letters. A rotation is a bind.
 */
export const stepNames: Readonly<Record<OperationType, readonly string[]>> = {
  provision: ['accept', ...making, 'release', 'prepare-server', 'finish'],
  update: ['accept', ...making, ...removing, 'release', 'prepare-server', 'finish'],
  repair: ['accept', ...making, 'release', 'prepare-server', 'finish'],
  deprovision: [
    ...['accept', 'revoke-login', 'record-unbind-failed', 'record-unbound', 'record-deprovisioning'],
    ...[...removing, 'release', 'finish'],
  ],
  bind: ['accept', 'create-login', 'create-<kind>', 'apply-<kind>', 'release', 'finish'],
  unbind: ['accept', 'revoke-login', 'delete-<kind>', 'release', 'finish'],
};

/** The step as failpoints spell it, for example `provision.after.apply-statefulset`. */
export function spellStep({ verb, when, name }: Step): string {
  return `${verb}.${when}.${name}`;
}

/** The step that is spelled so; undefined when there is none. */
export function parseStep(text: string): Step | undefined {
  const [verb = '', when = '', name = '', ...rest] = text.split('.');
  if (!isVerb(verb) || (when !== 'before' && when !== 'after') || rest.length > 0) return undefined;
  return stepNames[verb].some((pattern) => fits(name, pattern)) ? { verb, when, name } : undefined;
}

function isVerb(text: string): text is OperationType {
  return Object.hasOwn(stepNames, text);
}

function fits(name: string, pattern: string): boolean {
  const open = pattern.indexOf('<');
  if (open < 0) return name === pattern;
  return name.startsWith(pattern.slice(0, open)) && /^[A-Za-z0-9_-]+$/.test(name.slice(open));
}
