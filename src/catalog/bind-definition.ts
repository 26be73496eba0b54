/** `bind` in a catalog file: what credentials of a binding are and how long they live. */
import { z } from 'zod';
import { longestLifetime, parseDuration } from './duration.ts';
import { bindParameter, parameterName } from './parameter-definition.ts';

const lifetime = z
  .string()
  .refine(
    (text) => parseDuration(text, longestLifetime) !== undefined,
    'must be a duration such as 12h or 90d, at most 3650d',
  );

/** A text out of a list, unless an expression gives it. */
const oneOf = (...words: string[]) =>
  z
    .string()
    .refine(
      (text) => text.includes('${') || words.includes(text),
      `must be ${words.map((word) => JSON.stringify(word)).join(' or ')}`,
    );

const text = z.string().min(1);

/** OSBAPI, "Volume Mount Object". Every leaf may hold expressions. */
const volumeMount = z.strictObject({
  driver: text,
  containerDir: text,
  mode: oneOf('r', 'rw'),
  deviceType: oneOf('shared').default('shared'),
  device: z.strictObject({
    volumeId: text,
    mountConfig: z.record(z.string(), z.json()).optional(),
  }),
});

const attachments = z.strictObject({
  syslogDrainUrl: text.optional(),
  routeServiceUrl: text.optional(),
  // Cloud Foundry refuses an empty list.
  volumeMounts: z.array(volumeMount).min(1).optional(),
});

/** @param engines names of the credentials providers that there are */
export function bindDefinition(engines: readonly string[]) {
  return z.strictObject({
    engine: z.enum(engines),
    admin: z.string().optional(),
    connectionLimit: z.int().min(-1).default(-1),
    parameters: z.record(parameterName, bindParameter).default({}),
    rotatable: z.boolean().default(true),
    requiresApp: z.boolean().default(false),
    lifetime: lifetime.optional(),
    renewBefore: lifetime.optional(),
    attachments: attachments.default({}),
  });
}
export type BindDefinition = z.infer<ReturnType<typeof bindDefinition>>;
