import { insertAdoptedBinding, insertBinding, setBindingCredentials, setBindingState } from './bindings.ts';
import { repairDeliveries, setDelivered } from './delivery-repairs.ts';
import { discardHollow } from './hollow-instances.ts';
import {
  applyUpdate,
  insertAdoptedInstance,
  insertInstance,
  lockInstance,
  lockInstanceByUid,
  setDashboardUrl,
  setInstanceContext,
  setInstanceOutputs,
  setInstanceState,
} from './instances.ts';
import { planInventory, recordApplied, removeInventory } from './inventory.ts';
import {
  activeBindingOperation,
  activeBindingOperations,
  activeInstanceOperation,
  assertHeld,
  beginRestoring,
  cancelOperation,
  enqueueOperation,
  finishOperation,
  recordAppliedResource,
  recordProgress,
  wakeInstances,
} from './operations.ts';
import { createReader } from './reader.ts';
import type { Session } from './session.ts';
import type { StoreTransaction } from './types.ts';

export function createTransaction(session: Session): StoreTransaction {
  return {
    ...createReader((work) => work(session)),
    lockInstance: (key) => lockInstance(session, key),
    lockInstanceByUid: (uid) => lockInstanceByUid(session, uid),
    insertInstance: (instance) => insertInstance(session, instance),
    setInstanceState: (uid, state, usable) => setInstanceState(session, uid, state, usable),
    setInstanceContext: (uid, context) => setInstanceContext(session, uid, context),
    setDashboardUrl: (uid, dashboardUrl) => setDashboardUrl(session, uid, dashboardUrl),
    applyUpdate: (uid, planRevision, target) => applyUpdate(session, uid, planRevision, target),
    setInstanceOutputs: (uid, outputs) => setInstanceOutputs(session, uid, outputs),
    insertBinding: (binding) => insertBinding(session, binding),
    adoptInstance: (instance) => insertAdoptedInstance(session, instance),
    discardHollowInstance: (uid) => discardHollow(session, uid),
    adoptBinding: (binding) => insertAdoptedBinding(session, binding),
    setBindingState: (uid, state) => setBindingState(session, uid, state),
    setBindingCredentials: (uid, credentials, attachments) =>
      setBindingCredentials(session, uid, credentials, attachments),
    setDelivered: (uid, objects) => setDelivered(session, uid, objects),
    repairDelivery: (uid) => repairDeliveries(session, [uid]),
    activeInstanceOperation: (instanceUid) => activeInstanceOperation(session, instanceUid),
    activeBindingOperation: (bindingUid) => activeBindingOperation(session, bindingUid),
    activeBindingOperations: (instanceUid) => activeBindingOperations(session, instanceUid),
    enqueueOperation: (operation) => enqueueOperation(session, operation),
    cancelOperation: (uid, description, aftermath) => cancelOperation(session, uid, description, aftermath),
    assertHeld: (claim) => assertHeld(session, claim),
    finishOperation: (claim, outcome) => finishOperation(session, claim, outcome),
    beginRestoring: (claim, failure, timeoutSeconds) =>
      beginRestoring(session, claim, failure, timeoutSeconds),
    recordProgress: (claim) => recordProgress(session, claim),
    wakeInstance: (instanceUid) => wakeInstances(session, [instanceUid]),
    planInventory: (items) => planInventory(session, items),
    recordApplied: (item, applied) => recordApplied(session, item, applied),
    recordAppliedResource: (operationUid, resourceId) =>
      recordAppliedResource(session, operationUid, resourceId),
    removeInventory: (item) => removeInventory(session, item),
  };
}
