import { insertBinding, lockBinding, setBindingCredentials, setBindingState } from './bindings.ts';
import {
  insertInstance,
  lockInstance,
  lockInstanceByUid,
  setInstanceOutputs,
  setInstanceState,
} from './instances.ts';
import { planInventory, recordApplied, removeInventory } from './inventory.ts';
import {
  activeBindingOperation,
  activeBindingOperations,
  activeInstanceOperation,
  assertHeld,
  cancelOperation,
  enqueueOperation,
  finishOperation,
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
    lockBinding: (key) => lockBinding(session, key),
    insertInstance: (instance) => insertInstance(session, instance),
    setInstanceState: (uid, state) => setInstanceState(session, uid, state),
    setInstanceOutputs: (uid, outputs) => setInstanceOutputs(session, uid, outputs),
    insertBinding: (binding) => insertBinding(session, binding),
    setBindingState: (uid, state) => setBindingState(session, uid, state),
    setBindingCredentials: (uid, credentials) => setBindingCredentials(session, uid, credentials),
    activeInstanceOperation: (instanceUid) => activeInstanceOperation(session, instanceUid),
    activeBindingOperation: (bindingUid) => activeBindingOperation(session, bindingUid),
    activeBindingOperations: (instanceUid) => activeBindingOperations(session, instanceUid),
    enqueueOperation: (operation) => enqueueOperation(session, operation),
    cancelOperation: (uid, description) => cancelOperation(session, uid, description),
    assertHeld: (claim) => assertHeld(session, claim),
    finishOperation: (claim, outcome) => finishOperation(session, claim, outcome),
    wakeInstance: (instanceUid) => wakeInstances(session, [instanceUid]),
    planInventory: (items) => planInventory(session, items),
    recordApplied: (item, objectUid, appliedDigest) => recordApplied(session, item, objectUid, appliedDigest),
    removeInventory: (item) => removeInventory(session, item),
  };
}
