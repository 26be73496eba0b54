import { findBinding, findBindingByUid, findBindingOrTombstone, listBindings } from './bindings.ts';
import { isHollow } from './hollow-instances.ts';
import { findInstance, findInstanceByUid, findInstanceOrTombstone } from './instances.ts';
import { kindsInUse, listInventory } from './inventory.ts';
import { listObserved } from './observed.ts';
import {
  findOperation,
  findUpdateTarget,
  latestBindingOperation,
  latestInstanceOperation,
  latestSuccess,
} from './operations.ts';
import { findChart, findNewestRevision, findRevision } from './revisions.ts';
import type { Session } from './session.ts';
import type { StoreReader } from './types.ts';

/** The reads, over the pool or within one transaction: `run` gives them their session. */
export function createReader(run: <T>(work: (session: Session) => Promise<T>) => Promise<T>): StoreReader {
  return {
    findInstance: (key) => run((session) => findInstance(session, key)),
    findInstanceOrTombstone: (key) => run((session) => findInstanceOrTombstone(session, key)),
    findInstanceByUid: (uid) => run((session) => findInstanceByUid(session, uid)),
    isHollowInstance: (uid) => run((session) => isHollow(session, uid)),
    findBinding: (key) => run((session) => findBinding(session, key)),
    findBindingOrTombstone: (key) => run((session) => findBindingOrTombstone(session, key)),
    findBindingByUid: (uid) => run((session) => findBindingByUid(session, uid)),
    listBindings: (instanceUid) => run((session) => listBindings(session, instanceUid)),
    findOperation: (uid) => run((session) => findOperation(session, uid)),
    findUpdateTarget: (operationUid) => run((session) => findUpdateTarget(session, operationUid)),
    latestInstanceOperation: (instanceUid) => run((session) => latestInstanceOperation(session, instanceUid)),
    latestBindingOperation: (bindingUid) => run((session) => latestBindingOperation(session, bindingUid)),
    latestSuccess: (instanceUid, bindingUid) =>
      run((session) => latestSuccess(session, instanceUid, bindingUid)),
    findRevision: (digest) => run((session) => findRevision(session, digest)),
    findNewestRevision: (planId) => run((session) => findNewestRevision(session, planId)),
    findChart: (digest) => run((session) => findChart(session, digest)),
    listInventory: (instanceUid) => run((session) => listInventory(session, instanceUid)),
    listObserved: (instanceUid) => run((session) => listObserved(session, instanceUid)),
    kindsInUse: (cluster) => run((session) => kindsInUse(session, cluster)),
  };
}
