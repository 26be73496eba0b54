import type { GeneratedValues } from '../domain/instance.ts';
import type { PlanRevision } from '../domain/offering.ts';
import type { UsecaseDeps } from './deps.ts';

/**
 * Values that a plan wants generated, made once in the life of an instance.
 * @param existing values that are there already and stay, whatever the plan says of them
 */
export function generateValues(
  { newPassword }: Pick<UsecaseDeps, 'newPassword'>,
  revision: PlanRevision,
  existing: GeneratedValues = {},
): GeneratedValues {
  const made = Object.entries(revision.generate)
    .filter(([id]) => !Object.hasOwn(existing, id))
    .map(([id, spec]) => [id, { password: newPassword(spec.password.length) }]);
  return { ...existing, ...Object.fromEntries(made) };
}
