/** Habits of platforms that the specification does not tell of, each tried only with `--platform`. */
import { isDeepStrictEqual } from 'node:util';
import { fieldOf } from '../answers.ts';
import { isObject } from '../json.ts';
import { operationOf } from '../poll-to-end.ts';
import type { Check } from '../types.ts';
import { assume, Blocked, expectStatus, expectThat } from '../verdict.ts';
import { expectAccepted } from './update.ts';

const group = 'Platform';

export const platformChecks: readonly Check[] = [
  {
    id: 'cloudfoundry-rename',
    ...{ group, items: [70, 78], level: 'client', lane: 'own', platform: 'cloudfoundry' },
    title: 'a rename, which Cloud Foundry sends with `parameters: {}`, leaves the parameters as they are',
    async run(tools) {
      // Without it Cloud Foundry tells the broker nothing of a rename.
      assume(tools.plan.allowContextUpdates, 'the catalog does not say allow_context_updates');
      tools.assumeInstancesRetrievable();
      const instance = await tools.make(tools.instance({ parameters: tools.otherParameters() }));
      const before = fieldOf(await tools.send(instance.fetch()), 'parameters');
      assume(before !== undefined, 'parameters are not told by GET');
      const context = tools.contextOf(instance.update({}));
      const renamed = { context: { ...context, instance_name: `${instance.name}-renamed` } };
      await expectAccepted(tools, instance, { body: renamed });
      const after = fieldOf(await tools.send(instance.fetch()), 'parameters');
      expectThat(isDeepStrictEqual(after, before), 'GET tells other parameters than before the rename');
    },
  },
  {
    id: 'cloudfoundry-bind-twice',
    ...{ group, items: [92], level: 'client', lane: 'ready', platform: 'cloudfoundry' },
    title: 'a bind that was refused with AsyncRequired works with the same id and accepts_incomplete',
    async run(tools) {
      tools.assumeBindable();
      const binding = (await tools.ready()).binding();
      const first = await tools.send(binding.bind({ query: { accepts_incomplete: undefined } }));
      assume(first.answer.status === 422, 'the plan binds within the request');
      expectStatus(await tools.send(binding.bind()), [201, 202]);
    },
  },
  {
    id: 'cloudfoundry-service-key',
    ...{ group, items: [92, 103], level: 'client', lane: 'ready', platform: 'cloudfoundry' },
    title:
      'a service key, whose bind_resource names a client in place of an app, is accepted or needs an app (422)',
    async run(tools) {
      tools.assumeBindable();
      const body = { app_guid: undefined, bind_resource: { credential_client_id: 'cc_service_key_client' } };
      expectStatus(await tools.send((await tools.ready()).binding().bind({ body })), [201, 202, 422]);
    },
  },
  {
    id: 'kubernetes-bind',
    ...{ group, items: [92], level: 'client', lane: 'ready', platform: 'kubernetes' },
    title: 'Service Catalog can bind: it never sends accepts_incomplete and takes every refusal as final',
    async run(tools) {
      tools.assumeBindable();
      const query = { accepts_incomplete: undefined };
      expectStatus(await tools.send((await tools.ready()).binding().bind({ query })), [201]);
    },
  },
  {
    id: 'kubernetes-empty-update',
    ...{ group, items: [70], level: 'client', lane: 'changing', platform: 'kubernetes' },
    title: 'an update without plan and parameters, as Service Catalog sends to clear them, is accepted',
    async run(tools) {
      const instance = await tools.changing();
      await expectAccepted(tools, instance);
    },
  },
  {
    id: 'kubernetes-unbind-body',
    ...{ group, items: [12, 119], level: 'client', lane: 'ready', platform: 'kubernetes' },
    title: 'the body of a 410 to an unbind is JSON, else Service Catalog repeats it for a week',
    async run(tools) {
      tools.assumeBindable();
      const answer = await tools.send((await tools.ready()).binding().unbind());
      assume(answer.answer.status === 410, 'an unknown binding is not 410');
      expectThat(isObject(answer.answer.json), 'the body is no JSON object');
    },
  },
  {
    id: 'korifi-provision',
    ...{ group, items: [44, 45], level: 'client', lane: 'own', platform: 'korifi' },
    title: 'the same PUT and a poll, in turns, lead to 200 or 201',
    async run(tools) {
      const instance = tools.instance();
      const deadline = Date.now() + tools.run.settings.operationMs;
      for (;;) {
        const answer = await tools.send(instance.provision());
        expectStatus(answer, [200, 201, 202]);
        if (answer.answer.status !== 202) return;
        const poll = await tools.send(instance.poll('provision', operationOf(answer.answer.json)));
        expectStatus(poll, [200]);
        expectThat(fieldOf(poll, 'state') !== 'failed', 'the provision failed');
        if (fieldOf(poll, 'state') === 'succeeded') {
          expectStatus(await tools.send(instance.provision()), [200, 201]);
          return;
        }
        if (Date.now() > deadline) throw new Blocked('the provision is still in progress');
        await tools.pause();
      }
    },
  },
  {
    id: 'korifi-bind',
    ...{ group, items: [93, 113], level: 'client', lane: 'ready', platform: 'korifi' },
    title: 'a bind repeated until it is done is 200 or 201 with credentials, and so for ever',
    async run(tools) {
      const binding = await tools.bound(await tools.ready());
      const answers = [await tools.send(binding.bind()), await tools.send(binding.bind())];
      for (const answer of answers) {
        expectStatus(answer, [200, 201]);
        expectThat(isObject(fieldOf(answer, 'credentials')), 'the answer has no credentials');
      }
      const [one, other] = answers.map((answer) => fieldOf(answer, 'credentials'));
      expectThat(
        isDeepStrictEqual(one, other),
        'the repeated PUT gives other credentials: keep them, and answer the same',
      );
    },
  },
  {
    id: 'korifi-deprovision',
    ...{ group, items: [83, 119], level: 'client', lane: 'own', platform: 'korifi' },
    title: 'the same DELETE and a poll, in turns, lead to 410 or 200',
    async run(tools) {
      const instance = await tools.make();
      const deadline = Date.now() + tools.run.settings.operationMs;
      for (;;) {
        const answer = await tools.send(instance.deprovision());
        expectStatus(answer, [200, 202, 410]);
        if (answer.answer.status !== 202) return;
        const poll = await tools.send(instance.poll('deprovision', operationOf(answer.answer.json)));
        if (fieldOf(poll, 'state') === 'succeeded') return;
        if (Date.now() > deadline) throw new Blocked('the deprovision is still in progress');
        await tools.pause();
      }
    },
  },
];
