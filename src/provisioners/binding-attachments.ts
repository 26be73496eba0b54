import { z } from 'zod';
import type { BindingAttachments } from '../domain/binding.ts';
import { ChandlerError } from '../domain/errors.ts';
import type { AttachmentSpec } from '../domain/offering.ts';
import type { JsonObject } from '../lib/json.ts';
import type { TemplateScope } from '../template/types.ts';
import { renderTree } from './instance-scope.ts';

const text = z.string().min(1);

/** As the specification of the API has it (OSBAPI "Types of Binding"); a misspelt key would be lost without a word. */
const attachments = z.strictObject({
  syslogDrainUrl: text.exactOptional(),
  routeServiceUrl: text.regex(/^https:/, 'must begin with https:').exactOptional(),
  volumeMounts: z
    .array(
      z.strictObject({
        driver: text,
        containerDir: text,
        mode: z.enum(['r', 'rw']),
        deviceType: z.literal('shared'),
        device: z.strictObject({
          volumeId: text,
          mountConfig: z.record(z.string(), z.json()).exactOptional(),
        }),
      }),
    )
    .exactOptional(),
});

/**
 * What a binding gets beside credentials. The expressions read what those of the instance read, and its `outputs`.
 * @returns undefined when the plan attaches nothing
 * @throws ChandlerError `TemplateFailed` when a value is missing or has not the form that platforms demand
 */
export function renderAttachments(
  spec: AttachmentSpec,
  scope: TemplateScope,
  outputs: JsonObject,
): BindingAttachments | undefined {
  if (Object.keys(spec).length === 0) return undefined;
  const rendered = renderTree({ ...spec }, { ...scope, outputs }, 'bind.attachments');
  if (rendered === undefined) throw failure('they read a value that the service instance does not have');
  const parsed = attachments.safeParse(rendered);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw failure(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
}

function failure(reason: string): ChandlerError {
  return new ChandlerError('TemplateFailed', {
    sentence: `The bind.attachments of the plan cannot be used: ${reason}.`,
  });
}
