/** Label selectors of the fake cluster: the terms that Chandler uses, and an error for all others. */
import { KubeError, type KubeObject } from './types.ts';

type Term = (labels: Record<string, string>) => boolean;

const name = String.raw`[A-Za-z0-9]([-\w./]*[A-Za-z0-9])?`;
const presence = new RegExp(`^(?<not>!?)(?<key>${name})$`);
const equality = new RegExp(`^(?<key>${name})(?<operator>!=|==?)(?<value>(${name})?)$`);
/** Terms that Kubernetes knows and the fake does not. */
const setOrOrder = /\s(in|notin)\s|[<>]/;

/**
 * Whether an object fits a selector such as `a=b,c!=d,e,!f`, of which all terms must hold; an empty one fits everything.
 * As in Kubernetes, `!=` fits objects without the label, too.
 * @throws KubeError 400 `BadRequest` for what is no selector, Error for what only the fake does not know
 */
export function selectorOf(selector: string): (object: KubeObject) => boolean {
  if (setOrOrder.test(selector)) throw new Error(`the fake cluster does not know the selector ${selector}`);
  const terms = selector === '' ? [] : selector.split(',').map((term) => parseTerm(term.trim()));
  return ({ metadata }) => terms.every((fits) => fits(metadata.labels ?? {}));
}

function parseTerm(term: string): Term {
  const { not, key = '', operator, value } = (presence.exec(term) ?? equality.exec(term))?.groups ?? {};
  if (key === '') throw new KubeError(400, 'BadRequest', `unable to parse requirement: ${term}`);
  if (operator === undefined) return (labels) => Object.hasOwn(labels, key) === (not === '');
  return (labels) => (labels[key] === value) === (operator !== '!=');
}
