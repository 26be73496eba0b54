import type { Binding, Instance } from '../subject.ts';
import type { Tools } from '../tools.ts';
import type { Check } from '../types.ts';
import { Blocked, expectErrorCode } from '../verdict.ts';
import { assertGone, assumeTold, expectGone } from './gone.ts';

const group = 'Orphans';
/** Orphan mitigation is the platform's own doing: no user is named. */
const mitigation = { headers: { 'x-broker-api-originating-identity': undefined } };

const always410 = { allowed: [410], edit: mitigation };

/** How often a DELETE may say that it is done, when it needs not be said more than once. */
const mostDone = 5;

/**
 * Repeats a DELETE as platforms do, until nothing is there any more.
 * @throws Failure for an answer that platforms do not expect
 */
async function deleteUntilGone(tools: Tools, of: Instance | Binding): Promise<void> {
  const deadline = Date.now() + tools.run.settings.operationMs;
  for (let done = 0; ; ) {
    const answer = await tools.send(of.removal(mitigation));
    const { status } = answer.answer;
    if (status === 410) return;
    if (status === 422) expectErrorCode(answer, 'ConcurrencyError');
    // Which success it is other checks are about.
    else if (status >= 300) {
      return await assertGone(tools, of, answer, {
        allowed: [200, 202, 410],
        why: 'platforms repeat a DELETE until it is 410 or 200',
        edit: mitigation,
      });
    }
    if (status === 202) await tools.settle(of, of.removalVerb, answer);
    if (status < 300) done += 1;
    if (done === mostDone) {
      await assumeTold(tools, of, status, mitigation);
      throw new Blocked('a DELETE of what is gone is never answered 410');
    }
    if (Date.now() > deadline)
      throw new Blocked('after as long as an operation may take, a DELETE is still not answered 410');
    await tools.pause();
  }
}

export const orphanChecks: readonly Check[] = [
  {
    id: 'orphan-provision-cut-off',
    ...{ group, items: [127, 128], level: 'must', lane: 'own' },
    title: 'a provision whose answer the platform never saw can be deleted until it is 410',
    async run(tools) {
      const instance = tools.instance();
      await tools.attempt(instance.provision(), AbortSignal.timeout(5));
      await tools.pauseAfterCutOff();
      await deleteUntilGone(tools, instance);
      await tools.pauseAfterCutOff();
      await expectGone(tools, instance, 'the instance came back after its DELETE', { edit: mitigation });
    },
  },
  {
    id: 'orphan-refused-provision',
    ...{ group, items: [88, 128], level: 'must', lane: 'own' },
    title: 'an instance whose provision was refused is 410 when it is deleted',
    async run(tools) {
      const instance = tools.instance();
      const { answer } = await tools.send(instance.provision({ body: { service_id: undefined } }));
      if (answer.status < 400) throw new Blocked('a provision without service_id is accepted');
      await expectGone(tools, instance, 'its provision was refused, so nothing is there', always410);
    },
  },
  {
    id: 'orphan-unbind-unknown-instance',
    ...{ group, items: [115, 128], level: 'must', lane: 'plan' },
    title: 'an unbind on an instance that never was is 410',
    async run(tools) {
      tools.assumeBindable();
      await expectGone(tools, tools.instance().binding(), 'neither instance nor binding is there', always410);
    },
  },
  {
    id: 'orphan-bind-cut-off',
    ...{ group, items: [119, 127, 128], level: 'must', lane: 'ready' },
    title: 'a bind whose answer the platform never saw can be unbound until it is 410',
    async run(tools) {
      tools.assumeBindable();
      const binding = (await tools.ready()).binding();
      await tools.attempt(binding.bind(), AbortSignal.timeout(5));
      await tools.pauseAfterCutOff();
      await deleteUntilGone(tools, binding);
    },
  },
  {
    id: 'orphan-order',
    ...{ group, items: [87, 128], level: 'must', lane: 'own' },
    title: 'an unbind after its instance was deleted is 410',
    async run(tools) {
      const instance = await tools.make();
      const binding = await tools.bound(instance);
      const answer = await tools.send(instance.deprovision(mitigation));
      if (answer.answer.status >= 400) throw new Blocked('an instance with a binding is not deleted');
      await tools.settle(instance, 'deprovision', answer);
      await expectGone(tools, binding, 'its instance was deleted, and the binding with it', always410);
    },
  },
];
