import { parseAllDocuments, type ScalarTag, type Tags } from 'yaml';
import { isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts';
import { HelmError } from './types.ts';

/**
 * Kubernetes reads YAML as go-yaml does: YAML 1.1 in octal numbers (`defaultMode: 0644`), yes and no, and merge keys,
 * but a lone y or n, dates and base-60 numbers stay text.
 */
const booleanTag: ScalarTag = {
  identify: (value) => typeof value === 'boolean',
  default: true,
  tag: 'tag:yaml.org,2002:bool',
  test: /^(?:[Yy]es|YES|[Tt]rue|TRUE|[Oo]n|ON|[Nn]o|NO|[Ff]alse|FALSE|[Oo]ff|OFF)$/,
  resolve: (text) => /^(yes|true|on)$/i.test(text),
};

function kubernetesTags(tags: Tags): Tags {
  const kept = tags.filter((tag) => {
    if (typeof tag === 'string') return true;
    if ('format' in tag && tag.format === 'TIME') return false;
    return !['tag:yaml.org,2002:bool', 'tag:yaml.org,2002:timestamp', 'tag:yaml.org,2002:binary'].includes(
      tag.tag,
    );
  });
  return [booleanTag, ...kept];
}

const maxAliasCount = 100;

/**
 * Reads the documents that helm rendered. Empty documents vanish, Lists are flattened.
 * @throws HelmError for a document that is no Kubernetes object, or aliases that multiply
 */
export function parseManifests(output: string): JsonObject[] {
  const documents = parseAllDocuments(output, {
    version: '1.1',
    customTags: kubernetesTags,
    logLevel: 'error',
  });
  if (!Array.isArray(documents)) return [];
  return documents.flatMap((document, index) => {
    const [fault] = document.errors;
    if (fault !== undefined)
      throw new HelmError(`document ${index + 1} of the chart is not YAML (${fault.code})`);
    return objectsOf(toJson(document, index), index);
  });
}

function toJson(document: { toJS(options: { maxAliasCount: number }): JsonValue }, index: number): JsonValue {
  try {
    return document.toJS({ maxAliasCount });
  } catch {
    throw new HelmError(
      `document ${index + 1} of the chart has an alias that is unknown or multiplies too often`,
    );
  }
}

function objectsOf(value: JsonValue, index: number): JsonObject[] {
  if (value === null) return [];
  if (!isJsonObject(value)) throw new HelmError(`document ${index + 1} of the chart is no object`);
  const { apiVersion, kind, metadata, items } = value;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') {
    throw new HelmError(`document ${index + 1} of the chart has no apiVersion or no kind`);
  }
  if (kind.endsWith('List') && Array.isArray(items)) return items.flatMap((item) => objectsOf(item, index));
  if (!isJsonObject(metadata) || typeof metadata.name !== 'string' || metadata.name === '') {
    throw new HelmError(`a ${kind} of the chart (document ${index + 1}) has no metadata.name`);
  }
  return [value];
}
