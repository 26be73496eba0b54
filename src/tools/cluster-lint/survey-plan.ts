/** What a plan would make of a fresh instance in a cluster, as far as that is known before there is one. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CompiledPlan } from '../../catalog/types.ts';
import { ChandlerError } from '../../domain/errors.ts';
import type { PlanRevision, ResourceSpec } from '../../domain/offering.ts';
import type { Helm } from '../../helm/types.ts';
import { asJson } from '../../kube/json-at.ts';
import { type Cluster, type KindReference, KubeError, type KubeObject } from '../../kube/types.ts';
import { isJsonObject, type JsonObject } from '../../lib/json.ts';
import { instanceName } from '../../lib/names.ts';
import { overlay } from '../../lib/overlay.ts';
import { Redacted } from '../../lib/redacted.ts';
import { instanceScope } from '../../provisioners/instance-scope.ts';
import { renderResource } from '../../provisioners/render-resource.ts';
import type { InstanceTarget } from '../../provisioners/types.ts';
import { TemplateError, type TemplateScope } from '../../template/types.ts';
import { keepKnown, type UnknownLeaf } from './render-known.ts';

export interface SurveyOptions {
  cluster: Cluster;
  /** Without it, charts are left out. */
  helm?: Helm | undefined;
  /** Where the objects would be. */
  namespace: string;
}

export interface SampleObject {
  resourceId: string;
  /** Which of the objects that the plan writes; undefined when a chart made it. */
  number?: number;
  object: KubeObject;
  /** Leaves that are left out of it. */
  unknown: UnknownLeaf[];
}

export interface PlanSurvey {
  /** Kinds that the cluster does not have, with where the plan wants them. */
  missing: { kind: KindReference; resourceId: string; number?: number }[];
  /** Of kinds that it has, in order. */
  samples: SampleObject[];
  /** Resources that would be refused before they reach the cluster. */
  refused: { resourceId: string; message: string }[];
  /** Resources that cannot be made up, and what they read. */
  unknown: { resourceId: string; text: string }[];
}

interface Work extends SurveyOptions {
  plan: CompiledPlan;
  scope: TemplateScope;
  survey: PlanSurvey;
}

/**
 * Asks the cluster for its kinds alone, and changes nothing.
 * @throws KubeError when the cluster cannot be asked
 */
export async function surveyPlan(plan: CompiledPlan, options: SurveyOptions): Promise<PlanSurvey> {
  const survey: PlanSurvey = { missing: [], samples: [], refused: [], unknown: [] };
  const work = { ...options, plan, survey, scope: sampleScope(plan.revision, options.namespace) };
  for (const spec of plan.revision.resources) {
    try {
      if (spec.kind === 'manifest') await surveyManifests(spec, work);
      if (spec.kind === 'helm') await surveyChart(spec, work);
    } catch (thrown) {
      if (!(thrown instanceof TemplateError)) throw thrown;
      survey.refused.push({ resourceId: spec.id, message: thrown.message });
    }
    if (spec.kind === 'read' && !(await isThere(spec.object, options.cluster))) {
      survey.missing.push({ kind: spec.object, resourceId: spec.id });
    }
  }
  return survey;
}

async function surveyManifests(spec: Extract<ResourceSpec, { kind: 'manifest' }>, work: Work): Promise<void> {
  for (const [number, template] of spec.objects.entries()) {
    const { kept, unknown } = keepKnown(template, work.scope);
    if (!isJsonObject(kept)) continue;
    const rendered = await render({ ...spec, objects: [kept] }, work);
    for (const object of rendered) {
      // What others read of its spec the cluster will have as it stands here.
      const { spec: made } = asJson(object);
      if (spec.objects.length === 1 && isJsonObject(made)) {
        work.scope[spec.id] = { ...(work.scope[spec.id] as JsonObject), spec: made };
      }
      const reference = { apiVersion: object.apiVersion, kind: object.kind };
      const place = { resourceId: spec.id, number };
      if (await isThere(reference, work.cluster)) work.survey.samples.push({ ...place, object, unknown });
      else work.survey.missing.push({ ...place, kind: reference });
    }
  }
}

async function surveyChart(spec: Extract<ResourceSpec, { kind: 'helm' }>, work: Work): Promise<void> {
  if (work.helm === undefined) return;
  const { unknown } = keepKnown(spec.values, work.scope);
  work.survey.unknown.push(...unknown.map(({ text }) => ({ resourceId: spec.id, text })));
  if (unknown.length > 0) return;
  for (const object of await render(spec, work)) {
    const kind = { apiVersion: object.apiVersion, kind: object.kind };
    if (await isThere(kind, work.cluster)) {
      work.survey.samples.push({ resourceId: spec.id, object, unknown: [] });
    } else work.survey.missing.push({ resourceId: spec.id, kind });
  }
}

/** As an operation renders it, but that unknown kinds are found by whoever called. */
async function render(
  spec: Extract<ResourceSpec, { kind: 'manifest' | 'helm' }>,
  { cluster, helm, namespace, plan, scope, survey }: Work,
): Promise<KubeObject[]> {
  const folder = await mkdtemp(join(tmpdir(), 'chandler-survey-'));
  const target: InstanceTarget = {
    cluster: overlay(cluster, {
      isNamespaced: (kind) =>
        cluster.isNamespaced(kind).catch((thrown: unknown) => {
          if (isUnknownKind(thrown)) return true;
          throw thrown;
        }),
    }),
    helm: helm ?? noHelm,
    chartPath: async (digest) => {
      const path = join(folder, 'chart.tgz');
      await writeFile(path, plan.charts.get(digest) ?? Buffer.alloc(0));
      return path;
    },
    identity: { installationId: 'sample', instanceUid: 'sample' },
    name: sampleName,
    namespace,
    annotations: {},
    namespaceAnnotations: {},
    policy: plan.revision.policy ?? {},
  };
  try {
    const desired = (await renderResource(spec, scope, target)) ?? [];
    return desired.map(({ object }) => object);
  } catch (thrown) {
    if (!(thrown instanceof ChandlerError)) throw thrown;
    if (thrown.code === 'ClusterUnreachable') throw thrown.cause;
    survey.refused.push({ resourceId: spec.id, message: thrown.message });
    return [];
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function isThere(kind: KindReference, cluster: Cluster): Promise<boolean> {
  try {
    await cluster.isNamespaced(kind);
    return true;
  } catch (thrown) {
    if (isUnknownKind(thrown)) return false;
    throw thrown;
  }
}

function isUnknownKind(thrown: unknown): boolean {
  return thrown instanceof KubeError && thrown.reason === 'UnknownKind';
}

/** Never called: what needs helm is left out before. */
const noHelm = new Proxy({} as Helm, { get: () => () => Promise.reject(new Error('there is no helm')) });

/** Of the length that names have. */
const sampleName = instanceName({
  installationId: 'sample',
  platform: 'sample',
  osbId: 'sample',
  incarnation: 1,
});

/** As of an instance whose user sent no parameters and of which nothing is there yet. */
function sampleScope(revision: PlanRevision, namespace: string): TemplateScope {
  const generated = Object.keys(revision.generate).map((id) => [id, { password: 'sample-password' }]);
  const instance = {
    externalName: sampleName,
    namespace,
    platform: 'sample',
    contextNamespace: namespace,
    parameters: {},
    generated: new Redacted(Object.fromEntries(generated) as Record<string, { password: string }>),
  };
  const scope = instanceScope(instance, revision, []);
  const reads = revision.resources.filter(({ kind }) => kind !== 'secret').map(({ id }) => id);
  // No Service is there, and that says nothing: who reads one is to be told so, not that there is none.
  const withoutServices = ({ services: _, ...rest }: JsonObject) => rest;
  return {
    ...scope,
    ...Object.fromEntries(reads.map((id) => [id, withoutServices(scope[id] as JsonObject)])),
  };
}
