import type { JsonObject } from '../lib/json.ts';
import type { Redacted } from '../lib/redacted.ts';

export interface RenderRequest {
  /** A packed chart (.tgz) or chart folder on disk. */
  chartPath: string;
  releaseName: string;
  namespace: string;
  /** Given to helm as JSON on standard input, never as `--set` or a temporary file. */
  values: JsonObject;
  /** For example `v1.34.4`. */
  kubeVersion: string;
  apiVersions: readonly string[];
}

/** helm said no: wrong chart, values against values.schema.json, or it ran into its limits. */
export class HelmError extends Error {
  override readonly name = 'HelmError';
  /** Whether helm was ended by somebody, so that it says nothing of the chart. */
  readonly died: boolean;
  constructor(message: string, { died = false }: { died?: boolean } = {}) {
    super(message);
    this.died = died;
  }
}

/** A release of Helm, and who runs helm for it. */
export interface ReleaseRequest {
  releaseName: string;
  namespace: string;
  /** Of somebody who may do there what the release needs, and no more. */
  kubeconfig: Redacted<string>;
  /** Longest that each hook may take. */
  hookTimeoutSeconds: number;
  /** Ends helm in the middle. */
  signal: AbortSignal;
}

export interface UpgradeRequest extends ReleaseRequest {
  /** Name of the chart that the objects come from, as `helm list` shows it. */
  chartName: string;
  /** What the release is made of, hooks among them; each word of it arrives as it is. */
  objects: readonly JsonObject[];
  /** Labels of the Secret in which Helm keeps the revision. */
  labels: Record<string, string>;
  /** Revisions that Helm keeps. */
  history: number;
  withHooks: boolean;
}

export interface Helm {
  /** `helm template`, client only. Gives the rendered documents as JSON objects. @throws HelmError */
  render(request: RenderRequest): Promise<JsonObject[]>;
  version(): Promise<string>;
  /** `helm upgrade --install`, for hooks and not for readiness. @throws HelmError */
  upgrade(request: UpgradeRequest): Promise<void>;
  /** `helm uninstall`; does nothing when there is no such release. @throws HelmError */
  uninstall(request: ReleaseRequest): Promise<void>;
}
