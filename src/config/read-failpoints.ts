/** Where tests let this process fail, die or stand still: CHANDLER_FAILPOINT. */
import { parseStep, stepNames } from '../domain/steps.ts';
import { type Failpoint, failpointModes } from './config.ts';
import type { Report } from './report.ts';

/** @returns undefined when something is wrong; `report` was then told what */
export function readFailpoints(text: string | undefined, report: Report): readonly Failpoint[] | undefined {
  if (text === undefined) return [];
  const failpoints = text.split(',').map((each) => parseFailpoint(each.trim()));
  if (failpoints.every((failpoint) => failpoint !== undefined)) return failpoints;
  report(
    [
      'CHANDLER_FAILPOINT must be a comma-separated list of VERB.before|after.STEP:error|kill|pause, for example provision.after.apply-statefulset:kill. The steps are',
      ...Object.entries(stepNames).map(([verb, names]) => `  ${verb}: ${names.join(', ')}`),
    ].join('\n'),
  );
  return undefined;
}

function parseFailpoint(text: string): Failpoint | undefined {
  const [spelled = '', wanted = '', ...rest] = text.split(':');
  const step = parseStep(spelled);
  const mode = failpointModes.find((each) => each === wanted);
  return step === undefined || mode === undefined || rest.length > 0 ? undefined : { step, mode };
}
