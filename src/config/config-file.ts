/** The YAML file that CHANDLER_CONFIG names: the credentials of platforms, and what the OSBAPI leaves open. */
import { z } from 'zod';
import { type OsbOptions, osbChoices } from '../domain/osb-options.ts';
import { explainIssues } from '../lib/explain-issues.ts';
import { Redacted } from '../lib/redacted.ts';
import { type Path, parseYamlSource } from '../lib/yaml-source.ts';
import { type ReadTextFile, reasonOf } from './read-secret-file.ts';
import type { Report } from './report.ts';
import { labelRule, namespaceRule, type Rule, usernameRule } from './rules.ts';

const filled = z.string().min(1);
const ruled = ({ test, must }: Rule) => z.string().refine(test, `must ${must}`);

const credentialSchema = z.strictObject({
  username: ruled(usernameRule),
  password: z.exactOptional(filled.transform((password) => new Redacted(password))),
  passwordFile: z.exactOptional(filled),
  platform: ruled(labelRule('cloudfoundry')),
  namespaces: z.array(ruled(namespaceRule)).default(['*']),
  defaultNamespace: z.exactOptional(ruled(labelRule('apps'))),
  delivery: z.exactOptional(z.enum(['always', 'never'])),
});

type OptionShape = { [Option in keyof OsbOptions]: z.ZodExactOptional<z.ZodType<OsbOptions[Option]>> };
const optionShape = Object.fromEntries(
  Object.entries(osbChoices).map(([option, choices]) => [option, z.exactOptional(z.enum(choices))]),
) as unknown as OptionShape;

const osbSchema = z.strictObject({
  ...optionShape,
  platforms: z.record(ruled(labelRule('korifi')), z.strictObject(optionShape)).default({}),
});

const fileSchema = z.strictObject({
  credentials: z.exactOptional(z.array(credentialSchema).min(1)),
  osb: osbSchema.prefault({}),
});

export type CredentialEntry = z.output<typeof credentialSchema>;

export interface ConfigFile {
  readonly path: string;
  readonly credentials?: readonly CredentialEntry[];
  readonly osb: z.output<typeof osbSchema>;
  /** A line about the value at a path of the file. */
  problemAt(path: Path, message: string): string;
}

export const emptyConfigFile: ConfigFile = {
  path: '',
  osb: { platforms: {} },
  problemAt: (_, message) => message,
};

/** @returns undefined when something is wrong; `report` was then told what */
export function readConfigFile(
  path: string,
  readTextFile: ReadTextFile,
  report: Report,
): ConfigFile | undefined {
  let content: string;
  try {
    content = readTextFile(path);
  } catch (error) {
    report(`CHANDLER_CONFIG cannot be read: ${reasonOf(error)}.`);
    return undefined;
  }
  const source = parseYamlSource(path, content, 'with the keys `credentials` and `osb`');
  const problemAt = (at: Path, message: string) => {
    const { line, column } = source.locate(at);
    return `${path}:${line}:${column}: ${message}`;
  };
  for (const { line, column, message } of source.problems) report(`${path}:${line}:${column}: ${message}`);
  if (source.content === undefined) return undefined;
  const parsed = fileSchema.safeParse(source.content);
  if (parsed.success) return { path, ...parsed.data, problemAt };
  for (const { path: at, message } of explainIssues(fileSchema, parsed.error.issues)) {
    report(problemAt(at, message));
  }
  return undefined;
}
