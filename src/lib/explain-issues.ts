/** Turns what zod found into sentences that say how to mend it. */
import { z } from 'zod';
import { hint } from './nearest.ts';
import type { Path } from './yaml-source.ts';

export interface Complaint {
  path: Path;
  message: string;
}

export function explainIssues(schema: z.ZodType, issues: readonly z.core.$ZodIssue[]): Complaint[] {
  return issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      const known = keysAt(schema, issue.path);
      return issue.keys.map((key) => ({
        path: [...issue.path, key],
        message: `unknown key \`${key}\`; ${hint(key, known)}`,
      }));
    }
    const key = issue.path.at(-1);
    const subject = typeof key === 'string' ? `\`${key}\` ` : '';
    return [{ path: issue.path, message: `${subject}${explain(issue)}` }];
  });
}

function explain(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type') {
    if (issue.message.includes('received undefined')) return 'is missing';
    const quotable = issue.expected === 'string' && /received (number|boolean)$/.test(issue.message);
    return `must be ${nouns[issue.expected] ?? issue.expected}${quotable ? '; put it in quotes' : ''}`;
  }
  if (issue.code === 'invalid_value') {
    return `must be ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}`;
  }
  if (issue.code === 'too_small') {
    return isNumeric(issue.origin) ? `must be at least ${Number(issue.minimum)}` : 'must not be empty';
  }
  if (issue.code === 'too_big') {
    return `must ${isNumeric(issue.origin) ? 'be at most' : 'not be longer than'} ${Number(issue.maximum)}`;
  }
  if (issue.code === 'invalid_key') return issue.issues[0]?.message ?? 'is no allowed key';
  if (issue.code === 'invalid_union' && issue.message === 'Invalid input') {
    return 'has a value of the wrong type';
  }
  return issue.message;
}

function isNumeric(origin: string): boolean {
  return origin === 'number' || origin === 'int';
}

const nouns: Record<string, string> = {
  string: 'a text',
  int: 'an integer',
  number: 'a number',
  boolean: 'true or false',
  object: 'a map',
  record: 'a map',
  array: 'a list',
};

/** Keys that a schema knows at a path. */
function keysAt(schema: z.ZodType, path: Path): string[] {
  let at: z.ZodType | undefined = schema;
  for (const step of path) {
    at = unwrap(at);
    if (at instanceof z.ZodObject) at = at.shape[String(step)] as z.ZodType | undefined;
    else if (at instanceof z.ZodArray) at = at.element as z.ZodType;
    else if (at instanceof z.ZodRecord) at = at.valueType as z.ZodType;
    else return [];
  }
  at = unwrap(at);
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}

function unwrap(schema: z.ZodType | undefined): z.ZodType | undefined {
  let at = schema;
  while (true) {
    if (
      at instanceof z.ZodOptional ||
      at instanceof z.ZodExactOptional ||
      at instanceof z.ZodDefault ||
      at instanceof z.ZodPrefault
    ) {
      at = at.unwrap() as z.ZodType;
    } else if (at instanceof z.ZodPipe) at = at.in as z.ZodType;
    else return at;
  }
}
