/** Services that can be reached from outside of the cluster, or lead out of it. */
import { kindOf, told, unlessAllowed, valueAt } from './read-object.ts';
import type { Rule } from './types.ts';

export const serviceRule: Rule = (object, question) => {
  if (kindOf(object) !== 'Service') return [];
  const type = valueAt(object, 'spec', 'type');
  const exposed = (['LoadBalancer', 'NodePort', 'ExternalName'] as const)
    .filter((allowance) => allowance === type)
    .flatMap((allowance) => unlessAllowed(question, allowance, [`is of type ${allowance}`]));
  const addresses = valueAt(object, 'spec', 'externalIPs');
  const takes =
    addresses === undefined || (Array.isArray(addresses) && addresses.length === 0)
      ? []
      : [`takes external addresses (externalIPs ${told(addresses)})`];
  return [...exposed, ...unlessAllowed(question, 'externalIPs', takes)];
};
