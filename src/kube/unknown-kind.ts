import { apiGroupOf } from '../lib/api-group.ts';
import { type KindReference, KubeError } from './types.ts';

/** The cluster does not have a kind, or has it in other versions only. */
export class UnknownKind extends KubeError {
  /** The `group/version`s in which it does have it. */
  readonly servedIn: readonly string[];
  readonly kind: KindReference;
  constructor(kind: KindReference, servedIn: readonly string[] = []) {
    const elsewhere = servedIn.length === 0 ? '' : `, but in ${servedIn.join(', ')}`;
    super(404, 'UnknownKind', `The cluster has no kind ${kind.kind} in ${kind.apiVersion}${elsewhere}.`);
    const { apiVersion, kind: name } = kind;
    this.kind = { apiVersion, kind: name };
    this.servedIn = servedIn;
  }
}

/**
 * The `group/version`s in which a kind is served.
 * @param apiVersions as `ClusterVersion` has them
 */
export function servedIn(apiVersions: readonly string[], { apiVersion, kind }: KindReference): string[] {
  const group = apiGroupOf(apiVersion);
  if (group === '') return [];
  return apiVersions
    .filter((each) => each.startsWith(`${group}/`) && each.endsWith(`/${kind}`))
    .map((each) => each.slice(0, -kind.length - 1));
}
