import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { fieldOf, isRefusal } from '../answers.ts';
import { asText, isText, type JsonObject } from '../json.ts';
import type { Instance } from '../subject.ts';
import type { Tools } from '../tools.ts';
import type { Check, Level } from '../types.ts';
import { accepted, assume, Blocked, expectRefusal, expectStatus, expectThat, gone } from '../verdict.ts';
import type { Answered, Draft, Edit } from '../wire/exchange.ts';
import { expectGone } from './gone.ts';
import { expectMadeOrAsyncRequired, expectSameOperation } from './operations.ts';
import { maintenanceChecks } from './provision-maintenance.ts';

const group = 'Provision';

/** Sends a provision that must be refused, and looks whether anything is left of it. */
async function refused(
  tools: Tools,
  edit: Edit,
  statuses: readonly number[],
  why?: string,
): Promise<Answered> {
  const instance = tools.instance();
  const answer = await tools.send(instance.provision(edit));
  expectStatus(answer, statuses, why);
  return answer;
}

function provisionWith(tools: Tools, body: NonNullable<Edit['body']>): Promise<Answered> {
  return tools.send(tools.instance().provision({ body }));
}

const requiredFields = ['service_id', 'plan_id', 'organization_guid', 'space_guid'] as const;

const missingFields = requiredFields.map(
  (field): Check => ({
    id: `provision-without-${field.replace('_', '-')}`,
    ...{ group, items: [38], level: 'must', lane: 'own' },
    title: `a provision with a missing or empty ${field} is refused with 400`,
    async run(tools) {
      await refused(tools, { body: { [field]: undefined } }, [400], `${field} is missing`);
      await refused(tools, { body: { [field]: '' } }, [400], `${field} is empty`);
    },
  }),
);

const conflicts = ['plan', 'place', 'parameters'] as const;

/** The PUT of an instance with other values than it was made with, each of which must be a conflict. */
export function conflicting(tools: Tools, instance: Instance, what: (typeof conflicts)[number]): Draft {
  switch (what) {
    case 'plan': {
      const body = { plan_id: tools.siblingPlan().planId, maintenance_info: maintenanceOfSibling(tools) };
      return instance.provision({ body });
    }
    case 'place':
      return tools.elsewhere(instance).provision();
    case 'parameters':
      return instance.provision({ body: { parameters: tools.otherParameters() } });
  }
}

function maintenanceOfSibling(tools: Tools): JsonObject {
  const version = tools.siblingPlan().maintenanceVersion;
  return version === undefined ? {} : { version };
}

const titlesOfConflicts = {
  plan: 'another plan',
  place: 'another organization and space',
  parameters: 'other parameters',
} as const;

/** Which attributes count the specification does not say; the place is an instance's in some brokers only. */
function levelOf(what: (typeof conflicts)[number]): Level {
  return what === 'place' ? 'client' : 'must';
}

const conflictChecks = conflicts.flatMap((what): Check[] => [
  {
    id: `provision-conflict-${what}`,
    ...{ group, items: [46, 138], level: levelOf(what), lane: 'ready' },
    title: `a PUT for a finished instance with ${titlesOfConflicts[what]} is answered 409`,
    async run(tools) {
      const instance = await tools.ready();
      expectStatus(await tools.send(conflicting(tools, instance, what)), [409]);
    },
  },
  {
    id: `provision-conflict-early-${what}`,
    ...{ group, items: [46, 137], level: levelOf(what), lane: 'young' },
    title: `a PUT for an instance that is being made with ${titlesOfConflicts[what]} is answered 409`,
    async run(tools) {
      const { instance } = await tools.young();
      expectStatus(await tools.send(conflicting(tools, instance, what)), [409]);
    },
  },
]);

export const provisionChecks: readonly Check[] = [
  {
    id: 'provision-works',
    ...{ group, items: [42, 43, 121], level: 'must', lane: 'ready' },
    title: 'a provision is answered 201, or 202 and then polled to "succeeded"',
    async run(tools) {
      const instance = tools.instance();
      const answer = await tools.send(instance.provision());
      expectStatus(answer, [201, 202]);
      const { state, description } = await tools.follow(instance, 'provision', answer);
      expectThat(state === 'succeeded', `the provision failed: ${description}`);
      tools.share(instance);
    },
  },
  ...missingFields,
  {
    id: 'provision-unknown-service',
    ...{ group, items: [39], level: 'must', lane: 'own' },
    title: 'a service that the catalog does not have is refused with a 4xx',
    run: async (tools) => expectRefusal(await provisionWith(tools, { service_id: randomUUID() })),
  },
  {
    id: 'provision-unknown-plan',
    ...{ group, items: [39], level: 'must', lane: 'own' },
    title: 'a plan that the catalog does not have is refused with a 4xx',
    run: async (tools) => expectRefusal(await provisionWith(tools, { plan_id: randomUUID() })),
  },
  {
    id: 'provision-foreign-plan',
    ...{ group, items: [39], level: 'must', lane: 'own' },
    title: 'a plan of another service is refused with a 4xx',
    async run(tools) {
      const foreign = tools.run.plans.find(({ serviceId }) => serviceId !== tools.plan.serviceId);
      assume(foreign !== undefined, 'the catalog has one service only');
      // Its maintenance_info would be a reason of its own to refuse it.
      const body = { plan_id: foreign.planId, maintenance_info: undefined };
      expectRefusal(await provisionWith(tools, body));
    },
  },
  {
    id: 'provision-unknown-bad-request',
    ...{ group, items: [13, 39], level: 'client', lane: 'own' },
    title: 'the refusal of an unknown service or plan is 400, which alone Service Catalog takes as final',
    async run(tools) {
      for (const body of [{ service_id: randomUUID() }, { plan_id: randomUUID() }]) {
        const answer = await provisionWith(tools, body);
        assume(answer.answer.status >= 400, 'an unknown service or plan is not refused');
        expectStatus(answer, [400], `${Object.keys(body)[0]} is unknown`);
      }
    },
  },
  {
    id: 'provision-malformed',
    ...{ group, items: [40, 8], level: 'must', lane: 'own' },
    title: 'a body that is no JSON object is refused with 400',
    async run(tools) {
      for (const raw of ['{"service_id": ', '[]', '"text"']) await refused(tools, { raw }, [400], raw);
    },
  },
  {
    id: 'provision-wrong-types',
    ...{ group, items: [40], level: 'must', lane: 'own' },
    title: 'fields of the wrong type are refused with 400',
    async run(tools) {
      await refused(tools, { body: { plan_id: 42 } }, [400], 'plan_id is a number');
      await refused(tools, { body: { parameters: 'text' } }, [400], 'parameters are text');
    },
  },
  {
    id: 'provision-forbidden-parameters',
    ...{ group, items: [41], level: 'should', lane: 'own' },
    title: 'parameters that the schema of the plan forbids are refused with 400',
    async run(tools) {
      const { parameters, name } = tools.forbiddenParameters('provision');
      await refused(tools, { body: { parameters } }, [400], `the schema forbids this ${name}`);
    },
  },
  {
    id: 'provision-parameters-sentence',
    ...{ group, items: [41], level: 'should', lane: 'own' },
    title: 'the refusal of parameters names the one that is wrong',
    async run(tools) {
      const { parameters, name } = tools.forbiddenParameters('provision');
      const { answer } = await tools.send(tools.instance().provision({ body: { parameters } }));
      assume(answer.status === 400, 'the parameters were not refused');
      expectThat(
        asText(fieldOf({ answer }, 'description')).includes(name),
        `the description does not name "${name}"`,
      );
    },
  },
  {
    id: 'provision-refused-leaves-nothing',
    ...{ group, items: [14, 52], level: 'must', lane: 'own' },
    title: 'a provision that was refused leaves no instance behind',
    async run(tools) {
      const edits = [{ body: { plan_id: randomUUID() } }, { query: { accepts_incomplete: undefined } }];
      for (const edit of edits) {
        const instance = tools.instance();
        const { answer } = await tools.send(instance.provision(edit));
        if (!isRefusal({ answer })) continue;
        const poll = await tools.send(instance.poll('provision', undefined));
        if (!gone.includes(poll.answer.status)) {
          const never = await tools.send(tools.instance().poll('provision', undefined));
          // That of what never was is what `poll-unknown-instance` is about.
          const left = poll.answer.status !== never.answer.status;
          expectThat(!left, `the PUT was refused, and last_operation is answered ${poll.answer.status}`);
        }
        await expectGone(tools, instance, 'the PUT was refused, and the instance can be deleted');
      }
    },
  },
  {
    id: 'provision-synchronous',
    ...{ group, items: [16, 43], level: 'must', lane: 'own' },
    title: 'without accepts_incomplete a provision is answered 201, or 422 AsyncRequired',
    async run(tools) {
      for (const query of [{ accepts_incomplete: undefined }, { accepts_incomplete: 'false' }]) {
        const answer = await tools.send(tools.instance().provision({ query }));
        expectMadeOrAsyncRequired(answer);
      }
    },
  },
  {
    id: 'provision-repeat-early',
    ...{ group, items: [44, 137], level: 'must', lane: 'young' },
    title: 'the same PUT while the instance is being made is 202 with the same operation',
    async run(tools) {
      const { instance, answer } = await tools.young();
      const again = await tools.send(instance.provision());
      await tools.whileRunning(instance, 'provision', answer, () => expectSameOperation(answer, again));
    },
  },
  {
    id: 'provision-repeat',
    ...{ group, items: [45, 138], level: 'client', lane: 'ready' },
    title: 'the same PUT for a finished instance is answered 200',
    async run(tools) {
      expectStatus(await tools.send((await tools.ready()).provision()), [200]);
    },
  },
  {
    id: 'provision-repeat-body',
    ...{ group, items: [45, 49], level: 'should', lane: 'own' },
    title: 'the body of a repeated PUT has the dashboard_url of the first answer',
    async run(tools) {
      const instance = tools.instance();
      const first = await tools.send(instance.provision());
      const { state } = await tools.settle(instance, 'provision', first);
      assume(state === 'succeeded', 'the instance could not be made');
      const again = await tools.send(instance.provision());
      assume(again.answer.status === 200, 'the repeated PUT is not answered 200');
      const [url, urlAgain] = [first, again].map((told) => fieldOf(told, 'dashboard_url') ?? undefined);
      expectThat(
        isDeepStrictEqual(url, urlAgain),
        `dashboard_url was ${JSON.stringify(url)} and is now ${JSON.stringify(urlAgain)}`,
      );
    },
  },
  ...conflictChecks,
  {
    id: 'provision-repeat-other-names',
    ...{ group, items: [46], level: 'client', lane: 'ready' },
    title: 'the same PUT with other names in the context and another user is no conflict',
    async run(tools) {
      const instance = await tools.ready();
      const context = tools.contextOf(instance.provision());
      const edit = {
        headers: { 'x-broker-api-originating-identity': undefined },
        body: { context: { ...context, instance_name: 'renamed', organization_name: 'renamed' } },
      };
      // That it is 200 is what `provision-repeat` is about.
      expectStatus(await tools.send(instance.provision(edit)), accepted, 'only names and the user differ');
    },
  },
  ...maintenanceChecks,
  {
    id: 'provision-unknown-fields',
    ...{ group, items: [7], level: 'must', lane: 'own' },
    title: 'fields that the specification does not have are ignored',
    async run(tools) {
      const body = { conformance_check: { deep: [1, null] }, is_async: true };
      expectStatus(await tools.send(tools.instance().provision({ body })), accepted);
    },
  },
  {
    id: 'provision-nulls',
    ...{ group, items: [10], level: 'client', lane: 'own' },
    title: 'null and empty values count as absent',
    async run(tools) {
      const instance = tools.instance({ parameters: undefined });
      const parameters = tools.seed.parameters ?? null;
      expectStatus(
        await tools.send(instance.provision({ body: { parameters, maintenance_info: {} } })),
        accepted,
      );
    },
  },
  {
    id: 'provision-unknown-context',
    ...{ group, items: [131], level: 'must', lane: 'own' },
    title: 'a context of a platform that nobody knows is accepted',
    async run(tools) {
      const context = {
        platform: 'conformance-check',
        anything: { deep: true },
        ...tools.seed.place.context,
      };
      const headers = { 'x-broker-api-originating-identity': undefined };
      expectStatus(await tools.send(tools.instance().provision({ headers, body: { context } })), accepted);
    },
  },
  {
    id: 'provision-without-context',
    ...{ group, items: [135], level: 'client', lane: 'own' },
    title: 'a provision without a context is accepted',
    async run(tools) {
      expectStatus(await tools.send(tools.instance().provision({ body: { context: undefined } })), accepted);
    },
  },
  {
    id: 'provision-annotations',
    ...{ group, items: [132, 133], level: 'must', lane: 'own' },
    title: 'annotations and further keys in the context are accepted',
    async run(tools) {
      const instance = tools.instance();
      const context = tools.contextOf(instance.provision());
      const annotations = { 'example.com/check': 'yes' };
      const edit = {
        ...context,
        instance_annotations: annotations,
        namespace_annotations: annotations,
        later: 1,
      };
      expectStatus(await tools.send(instance.provision({ body: { context: edit } })), accepted);
    },
  },
  {
    id: 'provision-dashboard-early',
    ...{ group, items: [49], level: 'must', lane: 'own' },
    title: 'a dashboard_url that an instance has is in the first answer, 202 included',
    async run(tools) {
      tools.assumeInstancesRetrievable();
      const instance = tools.instance();
      const first = await tools.send(instance.provision());
      const { state } = await tools.settle(instance, 'provision', first);
      if (state === 'failed') throw new Blocked('the instance could not be made');
      const fetched = fieldOf(await tools.send(instance.fetch()), 'dashboard_url');
      assume(isText(fetched), 'the instance has no dashboard_url');
      const said = fieldOf(first, 'dashboard_url');
      expectThat(
        said === fetched,
        `the first answer said ${JSON.stringify(said)}, GET says ${JSON.stringify(fetched)}`,
      );
    },
  },
];
