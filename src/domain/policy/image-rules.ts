/** Where images come from. Read only where Kubernetes itself names them: containers and image volumes. */
import type { JsonObject } from '../../lib/json.ts';
import { containersOf, podSpecsOf } from './pod-specs.ts';
import { objectsAt, told, valueAt } from './read-object.ts';
import type { PlanPolicy, Rule, Violation } from './types.ts';

export const imageRule: Rule = (object, { policy }) => {
  if (policy.registries === undefined && policy.requireDigest !== true) return [];
  const images = new Set(podSpecsOf(object).flatMap(imagesOf));
  return [...images].flatMap((image) => violationsOf(image, policy));
};

function imagesOf(spec: JsonObject): string[] {
  return [
    ...containersOf(spec).map((container) => valueAt(container, 'image')),
    ...objectsAt(spec, 'volumes').map((volume) => valueAt(volume, 'image', 'reference')),
  ].filter((image) => typeof image === 'string');
}

function violationsOf(image: string, { registries, requireDigest }: PlanPolicy): Violation[] {
  const reference = parseImage(image);
  if (reference === undefined)
    return [{ says: `uses the image ${told(image)}, which is no image reference` }];
  const violations: Violation[] = [];
  const { repository, digest } = reference;
  if (registries?.some((place) => isBelow(repository, place)) === false) {
    const unless = `policy.registries: [..., ${repository.slice(0, repository.lastIndexOf('/'))}]`;
    violations.push({
      says: `uses the image ${told(image)} from a registry that the plan does not list`,
      unless,
    });
  }
  if (requireDigest === true && digest === undefined) {
    violations.push({ says: `uses the image ${told(image)} without a digest (@sha256:...)` });
  }
  return violations;
}

function isBelow(repository: string, place: string): boolean {
  return repository === place || repository.startsWith(`${place}/`);
}

const segment = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const referencePattern = new RegExp(
  `^((?:[A-Za-z0-9.-]+(?::\\d+)?/)?${segment}(?:/${segment})*)(?::[\\w][\\w.-]{0,127})?(?:@(sha256:[0-9a-f]{64}))?$`,
);
/** The id of an image that some node happens to hold. */
const imageId = /^(sha256:)?[0-9a-f]{64}$/;

/**
 * An image reference with everything that it leaves out: `postgres:17` is `docker.io/library/postgres`.
 * @returns undefined when it is none
 */
function parseImage(image: string): { repository: string; digest?: string } | undefined {
  const [, name, digest] = referencePattern.exec(image) ?? [];
  if (name === undefined || imageId.test(image)) return undefined;
  return { repository: wholeName(name), ...(digest === undefined ? {} : { digest }) };
}

/** As container runtimes read it: what has a dot, a port, or is `localhost` is a registry; without one it is Docker Hub. */
function wholeName(name: string): string {
  const slash = name.indexOf('/');
  const first = slash === -1 ? '' : name.slice(0, slash);
  const hasRegistry = first === 'localhost' || /[.:A-Z]/.test(first);
  const [registry, rest] = hasRegistry ? [first, name.slice(slash + 1)] : ['docker.io', name];
  if (registry === 'index.docker.io' || registry === 'docker.io') {
    return `docker.io/${rest.includes('/') ? rest : `library/${rest}`}`;
  }
  return `${registry}/${rest}`;
}
