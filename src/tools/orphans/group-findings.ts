/** What belongs together among the findings of the sweeps, and what an admin may do about it. */
import type { ServiceBinding } from '../../domain/binding.ts';
import type { ServiceInstance } from '../../domain/instance.ts';
import type { Finding, StoreReader } from '../../store/types.ts';

export type OrphanKind =
  /** Objects of an instance that has no row. */
  | 'instance without row'
  /** A delivered Secret or ConfigMap, or both, and perhaps a login, of a binding that has no row. */
  | 'binding without row'
  /** A login that nothing else tells of. */
  | 'login without row'
  /** A single object that the rows of its instance and binding do not explain. */
  | 'stray object'
  /** The row stands, and something that it promises is gone. */
  | 'instance without object'
  | 'binding without object'
  /** Something was changed by another hand. */
  | 'drift'
  /** It has its row again, but the provision that should have adopted it failed. Named by its uid alone. */
  | 'failed instance'
  | 'failed binding';

export type OrphanAction = 'adopt' | 'remove' | 'recreate';

const actions: Record<OrphanKind, readonly OrphanAction[]> = {
  'instance without row': ['adopt', 'remove'],
  'binding without row': ['adopt', 'remove'],
  'login without row': ['remove'],
  'stray object': ['remove'],
  'instance without object': ['recreate', 'remove'],
  'binding without object': ['recreate', 'remove'],
  drift: ['recreate'],
  'failed instance': ['adopt', 'remove'],
  'failed binding': ['adopt', 'remove'],
};

/** Findings that are settled together. */
export interface Orphan {
  kind: OrphanKind;
  /** Of its first finding; every finding of it may be named in its place. */
  id: string;
  cluster: string;
  findings: Finding[];
  firstSeenAt: Date;
  /** Only confirmed ones may be settled. */
  confirmed: boolean;
  actions: readonly OrphanAction[];
  instanceUid?: string;
  bindingUid?: string;
  /** Rows, where there are any; tombstones too. */
  instance?: ServiceInstance;
  binding?: ServiceBinding;
}

/** In the order of the kinds above, oldest first. */
export async function groupFindings(
  findings: readonly Finding[],
  store: Pick<StoreReader, 'findInstanceByUid' | 'findBindingByUid'>,
): Promise<Orphan[]> {
  const groups = new Map<string, { kind: OrphanKind; findings: Finding[]; rows: Rows }>();
  const logins: { finding: Finding; rows: Rows }[] = [];
  for (const finding of findings) {
    const rows = await rowsOf(finding, store);
    if (isOutdated(finding, rows)) continue;
    if (finding.kind === 'login without row') {
      logins.push({ finding, rows });
      continue;
    }
    const { key, kind } = placeOf(finding, rows);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { kind, findings: [finding], rows });
    else {
      group.findings.push(finding);
      if (group.kind === 'drift') group.kind = kind;
    }
  }
  for (const { finding, rows } of logins) {
    const claims = [...groups.values()].filter(
      (group) =>
        group.kind === 'binding without row' && group.findings.some((each) => isLoginOf(finding, each)),
    );
    const [delivered] = claims;
    // Of several that claim one login at most one is genuine, and nothing here tells which.
    if (delivered === undefined || claims.length > 1) {
      groups.set(`login:${finding.uid}`, { kind: 'login without row', findings: [finding], rows });
    } else delivered.findings.push(finding);
  }
  const order = Object.keys(actions);
  return [...groups.values()]
    .map(({ kind, findings: own, rows }) => toOrphan(kind, own, rows))
    .sort(
      (a, b) =>
        order.indexOf(a.kind) - order.indexOf(b.kind) || Number(a.firstSeenAt) - Number(b.firstSeenAt),
    );
}

interface Rows {
  instance?: ServiceInstance;
  binding?: ServiceBinding;
}

async function rowsOf(
  { instanceUid, bindingUid }: Finding,
  store: Pick<StoreReader, 'findInstanceByUid' | 'findBindingByUid'>,
): Promise<Rows> {
  const binding = bindingUid === undefined ? undefined : await store.findBindingByUid(bindingUid);
  const uid = instanceUid ?? binding?.instanceUid;
  const instance = uid === undefined ? undefined : await store.findInstanceByUid(uid);
  return { ...(instance === undefined ? {} : { instance }), ...(binding === undefined ? {} : { binding }) };
}

/** Its row was written after a sweep looked for it last: somebody settles it just now. */
function isOutdated({ kind, bindingUid, lastSeenAt }: Finding, { instance, binding }: Rows): boolean {
  const row = bindingUid === undefined ? instance : binding;
  return kind === 'object without row' && row !== undefined && row.createdAt > lastSeenAt;
}

function placeOf(finding: Finding, { instance, binding }: Rows): { key: string; kind: OrphanKind } {
  const { uid, kind, instanceUid, bindingUid } = finding;
  switch (kind) {
    case 'drift':
      return { key: `row:${bindingUid ?? instanceUid}`, kind: 'drift' };
    case 'row without object':
    case 'row without login':
      return bindingUid === undefined
        ? { key: `row:${instanceUid}`, kind: 'instance without object' }
        : { key: `row:${bindingUid}`, kind: 'binding without object' };
    case 'login without row':
    case 'object without row': {
      if (bindingUid !== undefined && binding === undefined && instance?.state !== 'deprovisioned') {
        return { key: `binding:${bindingUid}`, kind: 'binding without row' };
      }
      if (bindingUid === undefined && instance === undefined && instanceUid !== undefined) {
        return { key: `instance:${instanceUid}`, kind: 'instance without row' };
      }
      return { key: `object:${uid}`, kind: 'stray object' };
    }
  }
}

/** A login is called after its binding as SQL allows it: with another dash. */
export function loginOwner({ name }: Pick<Finding, 'name'>): string {
  return name.replace('_', '-');
}

function isLoginOf(login: Finding, delivered: Finding): boolean {
  return delivered.instanceUid === login.instanceUid && delivered.name === loginOwner(login);
}

/** An instance that has its row again, after a provision that failed. */
export function failedInstance(instance: ServiceInstance): Orphan {
  const { uid, cluster, updatedAt } = instance;
  return {
    ...{ kind: 'failed instance', id: uid, cluster, findings: [], firstSeenAt: updatedAt, confirmed: true },
    ...{ actions: actions['failed instance'], instanceUid: uid, instance },
  };
}

/** The same of an adopted binding, after a bind that failed. */
export function failedBinding(binding: ServiceBinding, instance: ServiceInstance): Orphan {
  const { uid, updatedAt } = binding;
  return {
    ...{ kind: 'failed binding', id: uid, cluster: instance.cluster, findings: [], confirmed: true },
    ...{ firstSeenAt: updatedAt, actions: actions['failed binding'] },
    ...{ instanceUid: instance.uid, instance, bindingUid: uid, binding },
  };
}

/** What tells most comes first. */
const telling = ['Namespace', 'Secret'];

function rankOf({ objectKind }: Finding): number {
  const rank = telling.indexOf(objectKind);
  return rank === -1 ? telling.length : rank;
}

function toOrphan(kind: OrphanKind, findings: readonly Finding[], { instance, binding }: Rows): Orphan {
  const sorted = [...findings].sort(
    (a, b) => rankOf(a) - rankOf(b) || Number(a.firstSeenAt) - Number(b.firstSeenAt),
  );
  const first = sorted[0] as Finding;
  const instanceUid = first.instanceUid ?? binding?.instanceUid;
  return {
    kind,
    id: first.uid,
    cluster: first.cluster,
    findings: sorted,
    firstSeenAt: new Date(Math.min(...findings.map(({ firstSeenAt }) => Number(firstSeenAt)))),
    confirmed: kind === 'drift' || findings.some(({ quarantinedAt }) => quarantinedAt !== undefined),
    actions: actions[kind],
    ...(instanceUid === undefined ? {} : { instanceUid }),
    ...(first.bindingUid === undefined ? {} : { bindingUid: first.bindingUid }),
    ...(instance === undefined ? {} : { instance }),
    ...(binding === undefined ? {} : { binding }),
  };
}
