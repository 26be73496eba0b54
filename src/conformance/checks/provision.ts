import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { asText, isObject, isText, type JsonObject } from '../json.ts';
import type { Instance } from '../subject.ts';
import type { Tools } from '../tools.ts';
import type { Check } from '../types.ts';
import {
  type Answered,
  assume,
  Blocked,
  expectErrorCode,
  expectStatus,
  expectThat,
  gone,
} from '../verdict.ts';
import type { Draft, Edit } from '../wire/exchange.ts';
import { expectSameOperation } from './operations.ts';

const group = 'Provision';
const accepted = [200, 201, 202];

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
function conflicting(tools: Tools, instance: Instance, what: (typeof conflicts)[number]): Draft {
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

const conflictChecks = conflicts.flatMap((what): Check[] => [
  {
    id: `provision-conflict-${what}`,
    ...{ group, items: [46, 138], level: 'must', lane: 'ready' },
    title: `a PUT for a finished instance with ${titlesOfConflicts[what]} is answered 409`,
    async run(tools) {
      const instance = await tools.ready();
      expectStatus(await tools.send(conflicting(tools, instance, what)), [409]);
    },
  },
  {
    id: `provision-conflict-early-${what}`,
    ...{ group, items: [46, 137], level: 'must', lane: 'young' },
    title: `a PUT for an instance that is being made with ${titlesOfConflicts[what]} is answered 409`,
    async run(tools) {
      const { instance } = await tools.young();
      expectStatus(await tools.send(conflicting(tools, instance, what)), [409]);
    },
  },
]);

export const provisionChecks: readonly Check[] = [
  {
    id: 'provision',
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
    title: 'a service that the catalog does not have is refused with 400',
    run: async (tools) => void (await refused(tools, { body: { service_id: randomUUID() } }, [400])),
  },
  {
    id: 'provision-unknown-plan',
    ...{ group, items: [39], level: 'must', lane: 'own' },
    title: 'a plan that the catalog does not have is refused with 400',
    run: async (tools) => void (await refused(tools, { body: { plan_id: randomUUID() } }, [400])),
  },
  {
    id: 'provision-foreign-plan',
    ...{ group, items: [39], level: 'must', lane: 'own' },
    title: 'a plan of another service is refused with 400',
    async run(tools) {
      const foreign = tools.run.plans.find(({ serviceId }) => serviceId !== tools.plan.serviceId);
      assume(foreign !== undefined, 'the catalog has one service only');
      await refused(tools, { body: { plan_id: foreign.planId } }, [400]);
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
      const description = isObject(answer.json) ? answer.json.description : undefined;
      expectThat(asText(description).includes(name), `the description does not name "${name}"`);
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
        if (answer.status < 400 || answer.status >= 500) continue;
        expectStatus(await tools.send(instance.poll('provision', undefined)), gone);
        expectStatus(await tools.send(instance.deprovision()), gone);
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
        // That it is 201 is what `provision` is about.
        if (![200, 201].includes(answer.answer.status)) expectErrorCode(answer, 'AsyncRequired');
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
      const [url, urlAgain] = [first, again].map(({ answer }) =>
        isObject(answer.json) ? (answer.json.dashboard_url ?? undefined) : undefined,
      );
      expectThat(
        isDeepStrictEqual(url, urlAgain),
        `it was ${JSON.stringify(url)} and is now ${JSON.stringify(urlAgain)}`,
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
      const { body } = instance.provision();
      const context = typeof body === 'object' ? body.context : undefined;
      assume(isObject(context), 'the platform sends no context');
      const edit = {
        headers: { 'x-broker-api-originating-identity': undefined },
        body: { context: { ...context, instance_name: 'renamed', organization_name: 'renamed' } },
      };
      expectStatus(await tools.send(instance.provision(edit)), [200]);
    },
  },
  {
    id: 'provision-maintenance-conflict',
    ...{ group, items: [19, 48], level: 'must', lane: 'own' },
    title:
      'another maintenance_info.version than the catalog has is refused with 422 MaintenanceInfoConflict',
    async run(tools) {
      assume(tools.plan.maintenanceVersion !== undefined, 'the plan has no maintenance_info');
      const answer = await tools.send(
        tools.instance().provision({ body: { maintenance_info: { version: '0.0.0-check' } } }),
      );
      expectErrorCode(answer, 'MaintenanceInfoConflict');
    },
  },
  {
    id: 'provision-maintenance-unknown',
    ...{ group, items: [19], level: 'client', lane: 'own' },
    title: 'a maintenance_info.version for a plan without one is refused with 422 MaintenanceInfoConflict',
    async run(tools) {
      const plan = tools.run.plans.find(({ maintenanceVersion }) => maintenanceVersion === undefined);
      assume(plan !== undefined, 'every plan has maintenance_info');
      const instance = tools.instance({ plan, parameters: undefined });
      const body = { maintenance_info: { version: '0.0.0-check' } };
      expectErrorCode(await tools.send(instance.provision({ body })), 'MaintenanceInfoConflict');
    },
  },
  {
    id: 'provision-maintenance-same',
    ...{ group, items: [48], level: 'must', lane: 'own' },
    title: 'the maintenance_info.version of the catalog is accepted, whatever else is in it',
    async run(tools) {
      const version = tools.plan.maintenanceVersion;
      assume(version !== undefined, 'the plan has no maintenance_info');
      const body = { maintenance_info: { version, description: 'of the check' } };
      expectStatus(await tools.send(tools.instance().provision({ body })), accepted);
    },
  },
  {
    id: 'provision-maintenance-absent',
    ...{ group, items: [48], level: 'must', lane: 'own' },
    title: 'maintenance_info without a version is ignored',
    async run(tools) {
      for (const maintenance_info of [undefined, {}, { description: 'of the check' }]) {
        expectStatus(await tools.send(tools.instance().provision({ body: { maintenance_info } })), accepted);
      }
    },
  },
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
      const { body } = instance.provision();
      const context = typeof body === 'object' ? body.context : undefined;
      assume(isObject(context), 'the platform sends no context');
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
      assume(tools.plan.instancesRetrievable, 'instances cannot be fetched');
      const instance = tools.instance();
      const first = await tools.send(instance.provision());
      const { state } = await tools.settle(instance, 'provision', first);
      if (state === 'failed') throw new Blocked('the instance could not be made');
      const { answer } = await tools.send(instance.fetch());
      const fetched = isObject(answer.json) ? answer.json.dashboard_url : undefined;
      assume(isText(fetched), 'the instance has no dashboard_url');
      const said = isObject(first.answer.json) ? first.answer.json.dashboard_url : undefined;
      expectThat(
        said === fetched,
        `the first answer said ${JSON.stringify(said)}, GET says ${JSON.stringify(fetched)}`,
      );
    },
  },
];
