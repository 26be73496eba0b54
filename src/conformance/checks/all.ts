import type { Check } from '../types.ts';
import { bindChecks } from './bind.ts';
import { catalogChecks } from './catalog.ts';
import { deprovisionChecks } from './deprovision.ts';
import { errorChecks } from './errors.ts';
import { fetchChecks } from './fetch.ts';
import { fetchBindingChecks } from './fetch-binding.ts';
import { orphanChecks } from './orphans.ts';
import { platformChecks } from './platforms.ts';
import { pollingChecks } from './polling.ts';
import { provisionChecks } from './provision.ts';
import { raceChecks } from './races.ts';
import { rotationChecks } from './rotation.ts';
import { transportChecks } from './transport.ts';
import { unbindChecks } from './unbind.ts';
import { updateChecks } from './update.ts';

/** Every check, in the order of the report. */
export const allChecks: readonly Check[] = [
  ...transportChecks,
  ...errorChecks,
  ...catalogChecks,
  ...provisionChecks,
  ...pollingChecks,
  ...fetchChecks,
  ...updateChecks,
  ...deprovisionChecks,
  ...bindChecks,
  ...fetchBindingChecks,
  ...rotationChecks,
  ...unbindChecks,
  ...raceChecks,
  ...orphanChecks,
  ...platformChecks,
];
