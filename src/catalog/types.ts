import type { ServiceInstance } from '../domain/instance.ts';
import type { PlanRevision, ServiceOffering, ServicePlan } from '../domain/offering.ts';
import type { JsonObject } from '../lib/json.ts';
import type { Path, YamlProblem } from '../lib/yaml-source.ts';

/** One thing wrong in a catalog file, with how to mend it. */
export type CatalogProblem = YamlProblem;

/** Thrown when a catalog folder cannot be loaded; holds every problem found, not only the first. */
export class CatalogInvalid extends Error {
  override readonly name = 'CatalogInvalid';
  readonly problems: CatalogProblem[];
  constructor(problems: CatalogProblem[]) {
    super(problems.map((p) => `${p.file}:${p.line}:${p.column}: ${p.message}`).join('\n'));
    this.problems = problems;
  }
}

/** Where something stands in a catalog's files. */
export type CatalogPlace = Omit<CatalogProblem, 'message'>;

/** A plan revision together with the packed charts it names by digest. */
export interface CompiledPlan {
  revision: PlanRevision;
  charts: ReadonlyMap<string, Buffer>;
  /** Where a resource says what it makes; of one that writes objects, a field of one of them. */
  locate(resourceId: string, field?: { object: number; path: Path }): CatalogPlace;
}

/** The offerings of one catalog folder, compiled and immutable. */
export interface Catalog {
  readonly offerings: readonly ServiceOffering[];
  readonly compiledPlans: readonly CompiledPlan[];
  findOffering(serviceId: string): ServiceOffering | undefined;
  findPlan(serviceId: string, planId: string): { plan: ServicePlan; revision: PlanRevision } | undefined;
  /** The OSBAPI catalog document, made once when the catalog loads. */
  readonly document: JsonObject;
  /** When it was loaded: `Last-Modified` of the document. */
  readonly loadedAt: Date;
}

/**
 * Checks what a user sent against a plan revision's schema for a verb.
 * @throws ChandlerError `InvalidParameters` with a sentence that names the parameter and the rule
 */
export type ValidateParameters = (
  revision: PlanRevision,
  verb: 'provision' | 'update' | 'bind',
  parameters: JsonObject,
) => void;

/**
 * The dashboard URL of an instance, before anything of it exists.
 * @returns undefined when the plan has none
 * @throws ChandlerError `TemplateFailed`
 */
export type RenderDashboardUrl = (
  revision: PlanRevision,
  instance: Pick<
    ServiceInstance,
    'externalName' | 'namespace' | 'platform' | 'instanceId' | 'parameters' | 'contextNamespace'
  >,
) => string | undefined;
