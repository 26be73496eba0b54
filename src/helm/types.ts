import type { JsonObject } from '../lib/json.ts';

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
}

export interface Helm {
  /** `helm template`, client only. Gives the rendered documents as JSON objects. @throws HelmError */
  render(request: RenderRequest): Promise<JsonObject[]>;
  version(): Promise<string>;
}
