/** Requests at the same moment. */
import { change, type Mutant } from './types.ts';

const quick = 'reference/quick';
const slow = 'reference/slow';
const moment = 'await new Promise((done) => setTimeout(done, 2));';

export const raceMutants: readonly Mutant[] = [
  {
    id: 'race-provision',
    ...{ items: [17, 44, 46, 125], plan: slow, caughtBy: ['race-provision', 'race-provision-conflict'] },
    what: 'looks for an instance, waits a moment, and makes it',
    changes: [
      change('provision', 'export function provision(', 'export async function provision('),
      change(
        'provision',
        '  const known = liveInstance(instanceId);',
        `  const known = liveInstance(instanceId);\n  ${moment}`,
      ),
    ],
  },
  {
    id: 'race-bind-same',
    ...{ items: [93, 125], plan: quick, caughtBy: ['race-bind-same'] },
    what: 'looks for a binding, waits a moment, and makes it',
    changes: [
      change('bind', 'export function bind(', 'export async function bind('),
      change(
        'bind',
        '  const earlier = bindings.get(bindingId);',
        `  const earlier = bindings.get(bindingId);\n  ${moment}`,
      ),
    ],
  },
  {
    id: 'race-bind',
    ...{ items: [95, 125], plan: quick, caughtBy: ['race-bind'] },
    what: 'answers 500 when it binds twice at the same moment',
    changes: [
      change(
        'bind',
        'export function bind(',
        'const binds = new Map<string, number>();\nexport async function bind(',
      ),
      change(
        'bind',
        '  const earlier = bindings.get(bindingId);',
        `  binds.set(instanceId, (binds.get(instanceId) ?? 0) + 1);\n  ${moment}\n  const others = (binds.get(instanceId) ?? 0) - 1;\n  binds.set(instanceId, others);\n  const earlier = bindings.get(bindingId);\n  if (earlier === undefined && others > 0) throw new Error('busy');`,
      ),
    ],
    also: { 'race-bind-same': 'the same bind at once is bound twice at the same moment as well' },
  },
  {
    id: 'race-bind-credentials',
    ...{ items: [96, 125], plan: quick, caughtBy: ['race-bind-credentials'] },
    what: 'numbers its users, and gives two that are made at the same moment one number',
    changes: [
      change('bind', 'export function bind(', 'export async function bind('),
      change(
        'bind',
        '  const earlier = bindings.get(bindingId);',
        `  const number = bindings.size;\n  ${moment}\n  const earlier = bindings.get(bindingId);`,
      ),
      change(
        'bind',
        `username: \`user-\${randomBytes(8).toString('hex')}\`,`,
        `username: \`user-\${number}\`,`,
      ),
      change('bind', "password: randomBytes(16).toString('hex'),", `password: \`password-\${number}\`,`),
    ],
  },
  {
    id: 'race-update',
    ...{ items: [72, 125], plan: slow, caughtBy: ['race-update'] },
    what: 'looks whether an update runs, waits a moment, and starts one',
    changes: [
      change('update', 'export function update(', 'export async function update('),
      change('update', "  instance.state = 'updating';", `  ${moment}\n  instance.state = 'updating';`),
    ],
  },
  {
    id: 'race-unbind',
    ...{ items: [115, 125], plan: slow, caughtBy: ['race-unbind'] },
    what: 'looks what a binding does, waits a moment, and deletes it',
    changes: [
      change('unbind', 'export function unbind(', 'export async function unbind('),
      change(
        'unbind',
        '  switch (binding.state) {',
        `  const { state } = binding;\n  ${moment}\n  switch (state) {`,
      ),
    ],
  },
  {
    id: 'race-deprovision',
    ...{ items: [83, 125], plan: slow, caughtBy: ['race-deprovision'] },
    what: 'looks what an instance does, waits a moment, and deletes it',
    changes: [
      change('deprovision', 'export function deprovision(', 'export async function deprovision('),
      change(
        'deprovision',
        '  switch (instance.state) {',
        `  const { state } = instance;\n  ${moment}\n  switch (state) {`,
      ),
    ],
  },
];
