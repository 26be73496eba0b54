import { isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts';

const shortestValue = 5;
const longestSentence = 500;

/**
 * The first useful line of what helm wrote to standard error, without the text of any value: schema and template
 * errors quote what they dislike.
 */
export function explainFailure(stderr: string, values: JsonObject): string | undefined {
  const lines = stderr
    .split('\n')
    .map((line) => line.trim())
    .filter(
      (line) =>
        line !== '' && !/^(level=|time=|WARNING:|walk\.go|coalesce\.go|warning:|\[debug\])/i.test(line),
    );
  const start = Math.max(
    0,
    lines.findIndex((line) => /^(error:|fatal error:|panic:|runtime:)/i.test(line)),
  );
  const first = lines[start];
  if (first === undefined) return undefined;
  // "values don't meet the specifications" tells nothing without the lines that follow it.
  const useful = /schema/i.test(first) ? lines.slice(start, start + 3).join(' ') : first;
  return hideTexts(useful.replace(/^Error: /, ''), values).slice(0, longestSentence);
}

function hideTexts(sentence: string, values: JsonObject): string {
  return textsOf(values)
    .filter((text) => text.length >= shortestValue)
    .sort((a, b) => b.length - a.length)
    .reduce((rest, text) => rest.replaceAll(text, '[value]'), sentence);
}

function textsOf(value: JsonValue): string[] {
  if (typeof value === 'string') return [value, ...value.split('\n'), JSON.stringify(value).slice(1, -1)];
  if (Array.isArray(value)) return value.flatMap(textsOf);
  if (isJsonObject(value)) return Object.values(value).flatMap(textsOf);
  return [];
}
