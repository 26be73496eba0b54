/** Objects that operators make and plans read: looked up by name when a tick needs them, since no label of ours tells. */
import { ChandlerError } from '../domain/errors.ts';
import type { ResourceSpec } from '../domain/offering.ts';
import { renderInputs, resourceDependencies } from '../provisioners/instance-scope.ts';
import { readObject } from '../provisioners/read-object.ts';
import type { ResourceState } from '../provisioners/resource-state.ts';
import { type InstanceView, type SeenRead, scopeOf } from './instance-view.ts';

type ReadSpec = Extract<ResourceSpec, { kind: 'read' }>;

/** Looks again after this time: nothing tells that the object came. */
const readPollMs = 2_000;

/**
 * The view with what its plan reads, as far as the resources that it hangs on are there. Changes nothing. One may read
 * another, so they are looked up in their order.
 * @param isThere of a resource by its id, those that are only read apart
 * @throws ChandlerError `TemplateFailed`, `ClusterUnreachable`, `ResourceFailed`
 */
export async function withReads(view: InstanceView, isThere: (id: string) => boolean): Promise<InstanceView> {
  const { resources } = view.revision;
  let seen = view;
  for (const spec of resources) {
    if (spec.kind !== 'read') continue;
    const found = new Set(seen.reads.filter(({ state }) => state.kind === 'ready').map(({ id }) => id));
    if (!resourceDependencies(spec, resources).every((id) => found.has(id) || isThere(id))) continue;
    const read = await findRead(spec, seen);
    if (read !== undefined) seen = { ...seen, reads: [...seen.reads, read] };
  }
  return seen;
}

async function findRead(spec: ReadSpec, view: InstanceView): Promise<SeenRead | undefined> {
  const name = renderInputs(spec, scopeOf(view))?.name;
  if (name === undefined) return undefined;
  if (typeof name !== 'string') {
    throw new ChandlerError('TemplateFailed', { sentence: `The name that ${spec.id} reads is no text.` });
  }
  const found = await readObject({ ...spec.object, name }, view.target);
  return found === undefined ? undefined : { id: spec.id, ...found };
}

export function readState({ id, object }: ReadSpec, { reads }: InstanceView): ResourceState {
  const state = reads.find((read) => read.id === id)?.state;
  if (state?.kind === 'ready') return state;
  const message = state?.message ?? `the ${object.kind} is not there yet`;
  return { kind: 'waiting', message: `${id}: waiting: ${message}`, pollAfterMs: readPollMs };
}
