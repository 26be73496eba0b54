import { fieldOf } from '../answers.ts';
import { asText } from '../json.ts';
import { endToldBy, operationOf } from '../poll-to-end.ts';
import type { Check } from '../types.ts';
import { assume, Blocked, expectStatus, expectThat, gone, StillRunning } from '../verdict.ts';
import type { Answered } from '../wire/exchange.ts';

const group = 'Polling';

/** @throws Failure unless it is 200 with one of the specification's states */
function expectState(poll: Answered, allowed: readonly string[]): void {
  expectStatus(poll, [200]);
  const state = fieldOf(poll, 'state');
  expectThat(
    typeof state === 'string' && allowed.includes(state),
    `expected the state ${allowed.join(' or ')}, got ${JSON.stringify(state)}`,
  );
}

const states = ['in progress', 'succeeded', 'failed'];

function isState(poll: Answered): boolean {
  return poll.answer.status === 200 && states.includes(asText(fieldOf(poll, 'state')));
}

export const pollingChecks: readonly Check[] = [
  {
    id: 'poll-at-once',
    ...{ group, items: [55, 121, 137], level: 'must', lane: 'young' },
    title: 'last_operation works as soon as the 202 was sent, and says "in progress"',
    async run(tools) {
      const instance = tools.instance();
      const answer = await tools.begin(instance.provision(), 'provisions');
      const poll = await tools.send(instance.poll('provision', operationOf(answer.answer.json)));
      expectState(poll, ['in progress', 'succeeded']);
      await tools.settle(instance, 'provision', answer);
    },
  },
  {
    id: 'poll-unknown-instance',
    ...{ group, items: [56, 136], level: 'must', lane: 'plan' },
    title: 'last_operation of an instance that never was is 404',
    async run(tools) {
      expectStatus(await tools.send(tools.instance().poll('provision', undefined)), [404]);
    },
  },
  {
    id: 'poll-unknown-token',
    ...{ group, items: [56, 57], level: 'client', lane: 'ready' },
    title: 'a poll with an operation that nobody knows is not 400',
    async run(tools) {
      const instance = await tools.ready();
      const { answer } = await tools.send(instance.poll('provision', 'conformance-check-unknown'));
      expectThat(
        answer.status !== 400 && answer.status < 500,
        `the poll is answered ${answer.status}, and platforms give up on the instance`,
      );
    },
  },
  {
    id: 'poll-other-plan',
    ...{ group, items: [56, 57, 152], level: 'client', lane: 'ready' },
    title: 'a poll that names another plan is answered as usual',
    async run(tools) {
      const instance = await tools.ready();
      const query = { plan_id: tools.siblingPlan().planId };
      expectStatus(await tools.send(instance.poll('provision', undefined, { query })), [200]);
    },
  },
  {
    id: 'poll-without-query',
    ...{ group, items: [57, 64], level: 'must', lane: 'own' },
    title: 'a poll without service_id and plan_id is answered as usual',
    async run(tools) {
      const instance = tools.instance();
      const answer = await tools.begin(instance.provision(), 'provisions');
      const operation = operationOf(answer.answer.json);
      const usual = await tools.send(instance.poll('provision', operation));
      if (!isState(usual)) throw new Blocked('a poll with service_id and plan_id tells no state either');
      const query = { service_id: undefined, plan_id: undefined };
      const poll = await tools.send(instance.poll('provision', operation, { query }));
      const forgotten = endToldBy(usual) !== undefined && poll.answer.status === 404;
      assume(!forgotten, 'the operation is forgotten at once: see poll-remembered');
      expectState(poll, states);
    },
  },
  {
    id: 'poll-ends-once',
    ...{ group, items: [60, 122], level: 'must', lane: 'own' },
    title: 'an operation that ended says the same in every later poll, if it says anything',
    async run(tools) {
      const instance = tools.instance();
      const answer = await tools.begin(instance.provision(), 'provisions');
      const { state } = await tools.settle(instance, 'provision', answer);
      for (let count = 0; count < 3; count += 1) {
        const poll = await tools.send(instance.poll('provision', operationOf(answer.answer.json)));
        assume(poll.answer.status !== 404, 'the operation is forgotten at once: see poll-remembered');
        expectState(poll, [state]);
      }
    },
  },
  {
    id: 'poll-remembered',
    ...{ group, items: [59, 60], level: 'should', lane: 'own' },
    title: 'an operation that ended is not forgotten at once, in case the platform asks again',
    async run(tools) {
      const instance = tools.instance();
      const created = await tools.begin(instance.provision(), 'provisions');
      await tools.settle(instance, 'provision', created);
      const again = await tools.send(instance.poll('provision', operationOf(created.answer.json)));
      expectStatus(again, [200], 'a poll told the end before, so keep it for some minutes');
      const deleted = await tools.begin(instance.deprovision(), 'deprovisions');
      await tools.settle(instance, 'deprovision', deleted);
      const late = await tools.send(instance.poll('deprovision', operationOf(deleted.answer.json)));
      expectStatus(late, [200, 410], 'a poll told the end before, so keep it for some minutes');
    },
  },
  {
    id: 'poll-after-delete',
    ...{ group, items: [59, 144, 146], level: 'must', lane: 'own' },
    title: 'after an asynchronous deprovision last_operation is 410 (or 404), or 200 "succeeded"',
    async run(tools) {
      const instance = await tools.make();
      const answer = await tools.begin(instance.deprovision(), 'deprovisions');
      const { state } = await tools.settle(instance, 'deprovision', answer);
      assume(state === 'succeeded', 'the deprovision failed');
      const poll = await tools.send(instance.poll('deprovision', operationOf(answer.answer.json)));
      if (gone.includes(poll.answer.status)) return;
      if (poll.answer.status !== 200) {
        const never = await tools.send(tools.instance().poll('deprovision', undefined));
        const alike = never.answer.status === poll.answer.status;
        assume(!alike, 'a poll for what never was is answered like this too: see poll-unknown-instance');
      }
      expectState(poll, ['succeeded']);
    },
  },
  {
    id: 'poll-in-time',
    ...{ group, items: [123], level: 'should', lane: 'own' },
    title: 'an operation ends within maximum_polling_duration',
    async run(tools) {
      const seconds = tools.plan.maximumPollingSeconds;
      assume(seconds !== undefined, 'the plan has no maximum_polling_duration');
      assume(tools.run.settings.operationMs >= seconds * 1000, '--timeout is shorter than that');
      const instance = tools.instance();
      const answer = await tools.begin(instance.provision(), 'provisions');
      const started = Date.now();
      try {
        await tools.settle(instance, 'provision', answer);
      } catch (thrown) {
        if (!(thrown instanceof StillRunning)) throw thrown;
      }
      expectThat(Date.now() - started <= seconds * 1000, `it took longer than ${seconds} s`);
    },
  },
];
