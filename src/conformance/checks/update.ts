import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { fieldOf } from '../answers.ts';
import { asText, isObject, type JsonObject, type JsonValue } from '../json.ts';
import type { Instance } from '../subject.ts';
import type { Tools } from '../tools.ts';
import type { Check } from '../types.ts';
import { assume, Blocked, done, expectErrorCode, expectStatus, expectThat } from '../verdict.ts';
import type { Answered, Edit } from '../wire/exchange.ts';
import { expectDoneOrAsyncRequired } from './operations.ts';
import { collisionChecks, parametersIn, told } from './update-collisions.ts';

const group = 'Update';

type Change = Parameters<Instance['update']>[0];

/** @throws NotApplicable when the broker refuses the change for reasons of its own: 422 */
async function change(tools: Tools, instance: Instance, wanted: Change): Promise<Answered> {
  const answer = await tools.send(instance.update(wanted));
  const why = asText(fieldOf(answer, 'description'));
  assume(answer.answer.status !== 422, `the broker refuses this change: ${why}`);
  return answer;
}

/** As the check that is about it. */
async function expectChanged(tools: Tools, instance: Instance, wanted: Change): Promise<void> {
  const answer = await change(tools, instance, wanted);
  expectStatus(answer, done);
  const { state, description } = await tools.follow(instance, 'update', answer);
  expectThat(state === 'succeeded', `the update failed: ${description}`);
}

/** Sends an update that nothing speaks against, and waits for its end. */
export async function expectAccepted(
  tools: Tools,
  instance: Instance,
  edit?: Edit,
  why?: string,
): Promise<void> {
  const answer = await tools.send(instance.update({}, edit));
  expectStatus(answer, done, why);
  await tools.settle(instance, 'update', answer);
}

/** Sends an update that must be refused, and looks whether it changed anything. */
async function refused(
  tools: Tools,
  body: Record<string, JsonValue | undefined>,
  statuses: readonly number[],
): Promise<void> {
  const instance = await tools.changing();
  const plan_id = instance.plan.planId;
  expectStatus(await tools.send(instance.update({}, { body: { plan_id, ...body } })), statuses);
}

/** What makes an update of nothing one that says something: where the context cannot change, the plan as it is. */
function nothing({ plan }: Tools, instance: Instance): Edit {
  return plan.allowContextUpdates ? {} : { body: { plan_id: instance.plan.planId } };
}

/** @returns the instance of the lane. @throws Blocked when an update that changes nothing is refused anyhow */
async function emptyUpdatesAccepted(tools: Tools): Promise<Instance> {
  const instance = await tools.changing();
  const answer = await tools.send(instance.update({}, nothing(tools, instance)));
  if (answer.answer.status >= 300) throw new Blocked('an update that changes nothing is refused');
  await tools.settle(instance, 'update', answer);
  return instance;
}

async function withPreviousValues(tools: Tools, instance: Instance, all: JsonObject[]): Promise<void> {
  for (const previous_values of all) {
    const { body } = nothing(tools, instance);
    const why = `previous_values were ${JSON.stringify(previous_values)}`;
    await expectAccepted(tools, instance, { body: { ...body, previous_values } }, why);
  }
}

function assumePlanChange({ plan }: Tools): void {
  assume(plan.updateable, 'the catalog does not say plan_updateable');
}

const checks: readonly Check[] = [
  {
    id: 'update-parameters',
    ...{ group, items: [71, 138], level: 'must', lane: 'changing' },
    title: 'new parameters are answered 200, or 202 and then polled to "succeeded"',
    async run(tools) {
      const instance = await tools.changing();
      await expectChanged(tools, instance, { parameters: tools.changedParameters() });
    },
  },
  {
    id: 'update-parameters-told',
    ...{ group, items: [69, 71], level: 'must', lane: 'changing' },
    title: 'after an update GET tells the new parameters',
    async run(tools) {
      const instance = await tools.changing();
      const parameters = tools.changedParameters();
      const answer = await change(tools, instance, { parameters });
      const { state, description } = await tools.settle(instance, 'update', answer);
      if (state === 'failed') throw new Blocked(`the update failed: ${description}`);
      const now = parametersIn(await told(tools, instance));
      const [name = '', value] = Object.entries(parameters)[0] ?? [];
      const told_ = isObject(now) ? now[name] : undefined;
      expectThat(
        isDeepStrictEqual(told_, value),
        `${name} was set to ${JSON.stringify(value)} and is told as ${JSON.stringify(told_)}`,
      );
    },
  },
  {
    id: 'update-plan',
    ...{ group, items: [69, 71, 74], level: 'must', lane: 'own' },
    title: 'a change of the plan is done, and GET tells the new plan',
    async run(tools) {
      assumePlanChange(tools);
      const plan = tools.siblingPlan();
      const instance = await tools.make();
      await expectChanged(tools, instance, { plan });
      instance.plan = plan;
      const now = (await told(tools, instance)).plan_id;
      expectThat(now === plan.planId, `GET tells the plan ${JSON.stringify(now)}`);
    },
  },
  {
    id: 'update-plan-forbidden',
    ...{ group, items: [74], level: 'must', lane: 'own' },
    title: 'a change of the plan is refused with 422 where the catalog does not say plan_updateable',
    async run(tools) {
      assume(!tools.plan.updateable, 'the plan may be changed');
      const plan = tools.siblingPlan();
      const instance = await tools.make();
      const body = { maintenance_info: undefined };
      expectStatus(await tools.send(instance.update({ plan }, { body })), [422]);
    },
  },
  {
    id: 'update-keeps-plan',
    ...{ group, items: [70], level: 'must', lane: 'changing' },
    title: 'an update without plan_id leaves the plan as it is',
    async run(tools) {
      const instance = await tools.changing();
      const parameters = tools.changedParameters();
      const answer = await tools.send(instance.update({ parameters }, { body: { plan_id: undefined } }));
      await tools.settle(instance, 'update', answer);
      const now = (await told(tools, instance)).plan_id;
      expectThat(now === instance.plan.planId, `GET tells the plan ${JSON.stringify(now)}`);
    },
  },
  {
    id: 'update-keeps-parameters',
    ...{ group, items: [70], level: 'must', lane: 'own' },
    title: 'an update without parameters leaves the parameters as they are',
    async run(tools) {
      const instance = await tools.make(tools.instance({ parameters: tools.otherParameters() }));
      const before = parametersIn(await told(tools, instance));
      const body = { parameters: undefined, plan_id: tools.plan.planId };
      const answer = await tools.send(instance.update({}, { body }));
      await tools.settle(instance, 'update', answer);
      const after = parametersIn(await told(tools, instance));
      expectThat(isDeepStrictEqual(after, before), 'GET tells other parameters than before');
    },
  },
  {
    id: 'update-without-service-id',
    ...{ group, items: [70], level: 'must', lane: 'changing' },
    title: 'an update without service_id is refused with 400',
    run: (tools) => refused(tools, { service_id: undefined }, [400]),
  },
  {
    id: 'update-other-service',
    ...{ group, items: [70], level: 'must', lane: 'changing' },
    title: 'an update with another service_id than the instance has is refused with 400 or 422',
    run: (tools) => refused(tools, { service_id: randomUUID() }, [400, 422]),
  },
  {
    id: 'update-unknown-plan',
    ...{ group, items: [75], level: 'must', lane: 'changing' },
    title: 'an update to a plan that the service does not have is refused with 400 or 422',
    run: (tools) => refused(tools, { plan_id: randomUUID() }, [400, 422]),
  },
  {
    id: 'update-malformed',
    ...{ group, items: [8, 40], level: 'must', lane: 'changing' },
    title: 'a body that is no JSON object is refused with 400',
    async run(tools) {
      const instance = await tools.changing();
      for (const raw of ['{"service_id": ', '[]']) {
        expectStatus(await tools.send(instance.update({}, { raw })), [400], raw);
      }
    },
  },
  {
    id: 'update-forbidden-parameters',
    ...{ group, items: [75], level: 'should', lane: 'changing' },
    title: 'parameters that the update schema forbids are refused with 400',
    run: (tools) => refused(tools, { parameters: tools.forbiddenParameters('update').parameters }, [400]),
  },
  {
    id: 'update-refused-changes-nothing',
    ...{ group, items: [14, 77], level: 'must', lane: 'own' },
    title: 'an update that was refused changes nothing',
    async run(tools) {
      const instance = await tools.make();
      const before = await told(tools, instance);
      const parameters = tools.changedParameters();
      const { answer } = await tools.send(
        instance.update({ parameters }, { body: { plan_id: randomUUID() } }),
      );
      assume(answer.status >= 400, 'an unknown plan is not refused');
      expectThat(
        isDeepStrictEqual(await told(tools, instance), before),
        'GET tells something else than before',
      );
    },
  },
  {
    id: 'update-synchronous',
    ...{ group, items: [16, 73], level: 'must', lane: 'changing' },
    title: 'without accepts_incomplete an update is answered 200, or 422 AsyncRequired',
    async run(tools) {
      const instance = await tools.changing();
      const parameters = tools.changedParameters();
      const query = { accepts_incomplete: undefined };
      const answer = await tools.send(instance.update({ parameters }, { query }));
      expectDoneOrAsyncRequired(answer);
    },
  },
  ...collisionChecks,
  {
    id: 'update-unknown-instance',
    ...{ group, items: [80, 136], level: 'client', lane: 'plan' },
    title: 'an update of an instance that never was is 404',
    async run(tools) {
      const edit = { body: { plan_id: tools.plan.planId } };
      expectStatus(await tools.send(tools.instance().update({}, edit)), [404]);
    },
  },
  {
    id: 'update-maintenance-conflict',
    ...{ group, items: [19, 76], level: 'must', lane: 'changing' },
    title:
      'another maintenance_info.version than the catalog has is refused with 422 MaintenanceInfoConflict',
    async run(tools) {
      assume(tools.plan.maintenanceVersion !== undefined, 'the plan has no maintenance_info');
      const instance = await tools.changing();
      const body = { plan_id: undefined, maintenance_info: { version: '0.0.0-check' } };
      expectErrorCode(await tools.send(instance.update({}, { body })), 'MaintenanceInfoConflict');
    },
  },
  {
    id: 'update-maintenance-same',
    ...{ group, items: [76], level: 'must', lane: 'changing' },
    title: 'the maintenance_info.version of the catalog is accepted',
    async run(tools) {
      const version = tools.plan.maintenanceVersion;
      assume(version !== undefined, 'the plan has no maintenance_info');
      const instance = await emptyUpdatesAccepted(tools);
      const { body } = nothing(tools, instance);
      const edit = { body: { ...body, maintenance_info: { version } } };
      await expectAccepted(tools, instance, edit);
    },
  },
  {
    id: 'update-previous-values',
    ...{ group, items: [79, 10], level: 'must', lane: 'changing' },
    title: 'previous_values that are right, or empty, are accepted',
    async run(tools) {
      const instance = await emptyUpdatesAccepted(tools);
      const { serviceId, planId, maintenanceVersion: version } = instance.plan;
      await withPreviousValues(tools, instance, [
        {},
        { service_id: serviceId, plan_id: planId },
        { plan_id: planId, ...(version === undefined ? {} : { maintenance_info: { version } }) },
      ]);
    },
  },
  {
    id: 'update-previous-values-wrong',
    ...{ group, items: [79, 10], level: 'client', lane: 'changing' },
    title: 'previous_values that are wrong are hints: platforms send what they last knew',
    async run(tools) {
      const instance = await emptyUpdatesAccepted(tools);
      await withPreviousValues(tools, instance, [
        { plan_id: randomUUID(), organization_id: 'other', space_id: 'other' },
        { maintenance_info: {} },
        { maintenance_info: { version: '0.0.1' } },
      ]);
    },
  },
  {
    id: 'update-context',
    ...{ group, items: [78], level: 'must', lane: 'changing' },
    title: 'an update of the context alone is accepted where the catalog says allow_context_updates',
    async run(tools) {
      assume(tools.plan.allowContextUpdates, 'the catalog does not say allow_context_updates');
      const instance = await tools.changing();
      const context = tools.contextOf(instance.provision());
      const only = {
        context: { ...context, instance_name: 'renamed' },
        plan_id: undefined,
        parameters: undefined,
      };
      await expectAccepted(tools, instance, { body: only });
    },
  },
  {
    id: 'update-empty',
    ...{ group, items: [71], level: 'client', lane: 'changing' },
    title: 'an update that changes nothing is accepted',
    async run(tools) {
      const instance = await tools.changing();
      await expectAccepted(tools, instance, nothing(tools, instance));
    },
  },
];

/** PATCH is optional: none of them concerns a broker without it. */
export const updateChecks: readonly Check[] = checks.map((check) => ({
  ...check,
  async run(tools) {
    await tools.assumeUpdates();
    await check.run(tools);
  },
}));
