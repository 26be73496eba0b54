import { bindMutants } from './bind.ts';
import { bindingMutants } from './bindings.ts';
import { catalogMutants } from './catalog.ts';
import { conflictMutants } from './conflicts.ts';
import { deprovisionMutants } from './deprovision.ts';
import { errorMutants } from './errors.ts';
import { platformMutants } from './platforms.ts';
import { pollingMutants } from './polling.ts';
import { provisionMutants } from './provision.ts';
import { raceMutants } from './races.ts';
import { rotationMutants } from './rotation.ts';
import { transportMutants } from './transport.ts';
import type { Mutant } from './types.ts';
import { unbindMutants } from './unbind.ts';
import { updateMutants } from './update.ts';

export const allMutants: readonly Mutant[] = [
  ...transportMutants,
  ...errorMutants,
  ...catalogMutants,
  ...provisionMutants,
  ...conflictMutants,
  ...pollingMutants,
  ...updateMutants,
  ...deprovisionMutants,
  ...bindMutants,
  ...bindingMutants,
  ...rotationMutants,
  ...unbindMutants,
  ...raceMutants,
  ...platformMutants,
];
