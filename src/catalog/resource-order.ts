/** Raised for resources that need each other. `cycle` lists their ids, the first one again at the end. */
export class ResourceCycle extends Error {
  override readonly name = 'ResourceCycle';
  readonly cycle: string[];
  constructor(cycle: string[]) {
    super(`the resources need each other: ${cycle.join(' -> ')}`);
    this.cycle = cycle;
  }
}

/**
 * Sorts ids so that each comes after what it needs; ids that do not need each other keep their order.
 * @param needs for each id, the ids it reads; others than the given ones are ignored
 * @throws ResourceCycle
 */
export function orderResources(
  ids: readonly string[],
  needs: ReadonlyMap<string, ReadonlySet<string>>,
): string[] {
  const ordered: string[] = [];
  const done = new Set<string>();
  const visit = (id: string, trail: readonly string[]): void => {
    if (done.has(id)) return;
    const start = trail.indexOf(id);
    if (start !== -1) throw new ResourceCycle([...trail.slice(start), id]);
    for (const needed of ids) if (needs.get(id)?.has(needed) === true) visit(needed, [...trail, id]);
    done.add(id);
    ordered.push(id);
  };
  for (const id of ids) visit(id, []);
  return ordered;
}
