/** What a schema cannot say about `bind`. */
import { engineTraits, readOnlyParameter } from '../domain/bind-engines.ts';
import type { Permission } from '../domain/offering.ts';
import type { Complaint } from '../lib/explain-issues.ts';
import type { JsonValue } from '../lib/json.ts';
import { hint } from '../lib/nearest.ts';
import type { BindDefinition } from './bind-definition.ts';
import { checkTemplate, readableByAttachments } from './check-templates.ts';
import { checkUrl } from './check-url.ts';
import { longestLifetime, parseDuration } from './duration.ts';
import type { PlanDefinition } from './offering-file.ts';

/** @param requires of the offering; undefined when that could not be read */
export function checkBind(plan: PlanDefinition, requires: readonly Permission[] | undefined): Complaint[] {
  const { bind } = plan;
  if (bind === undefined) return [];
  return [
    ...checkServer(plan, bind),
    ...checkReadOnly(bind),
    ...checkLifetime(bind),
    ...checkAttachments(plan, bind, requires),
  ];
}

function checkServer({ resources, outputs }: PlanDefinition, bind: BindDefinition): Complaint[] {
  const needed = engineTraits(bind.engine).server;
  const complaints: Complaint[] = [];
  if (needed || bind.admin !== undefined) {
    const isSecret = ({ secret, read }: PlanDefinition['resources'][number]) =>
      secret !== undefined || (read?.apiVersion === 'v1' && read.kind === 'Secret');
    const secrets = resources.filter(isSecret);
    const admin = secrets.find(({ id }) => id === bind.admin);
    if (admin === undefined) {
      const known = secrets.map(({ id }) => id);
      const message = `\`admin\` must be the id of a secret resource, or of one that reads a Secret; ${hint(bind.admin ?? '', known)}`;
      complaints.push({ path: ['bind', 'admin'], message });
    } else if (
      admin.secret !== undefined &&
      (admin.secret.username === undefined || admin.secret.password === undefined)
    ) {
      const message = `the secret \`${bind.admin}\` needs the keys username and password`;
      complaints.push({ path: ['bind', 'admin'], message });
    }
  }
  for (const key of needed ? ['host', 'port'] : []) {
    if (outputs[key] === undefined) {
      complaints.push({ path: ['outputs'], message: `\`outputs\` needs \`${key}\`: bindings connect there` });
    }
  }
  return complaints;
}

/** Chandler itself obeys this parameter, so it must mean the same in every plan. */
function checkReadOnly({ engine, parameters }: BindDefinition): Complaint[] {
  const declared = parameters[readOnlyParameter];
  if (declared === undefined) return [];
  const path = ['bind', 'parameters', readOnlyParameter];
  if (!engineTraits(engine).readOnly) {
    return [
      { path, message: `the engine ${engine} cannot make logins that only read; leave the parameter out` },
    ];
  }
  return declared.type === 'boolean' ? [] : [{ path, message: 'must be of type boolean: Chandler obeys it' }];
}

function checkLifetime({ lifetime, renewBefore }: BindDefinition): Complaint[] {
  if (renewBefore === undefined) return [];
  const path = ['bind', 'renewBefore'];
  if (lifetime === undefined) {
    return [{ path, message: '`renewBefore` has no meaning without `lifetime`' }];
  }
  const [early = 0, whole = 0] = [renewBefore, lifetime].map((text) => parseDuration(text, longestLifetime));
  return early < whole ? [] : [{ path, message: '`renewBefore` must be shorter than `lifetime`' }];
}

/** OSBAPI, "Types of Binding": each of them is a permission that the offering requires. */
const permissions = {
  syslogDrainUrl: 'syslog_drain',
  routeServiceUrl: 'route_forwarding',
  volumeMounts: 'volume_mount',
} as const satisfies Record<string, Permission>;

function checkAttachments(
  plan: PlanDefinition,
  { attachments }: BindDefinition,
  requires: readonly Permission[] | undefined,
): Complaint[] {
  const readable = readableByAttachments(plan);
  return Object.entries(permissions).flatMap(([key, permission]) => {
    const value = attachments[key as keyof typeof permissions] as JsonValue | undefined;
    if (value === undefined) return [];
    const path = ['bind', 'attachments', key];
    const complaints =
      key === 'routeServiceUrl' && typeof value === 'string'
        ? checkUrl(value, path, plan, { readable, schemes: ['https:'] })
        : checkTemplate(value, path, plan, readable).complaints;
    if (requires?.includes(permission) !== false) return complaints;
    const message = `\`${key}\` needs \`requires: [${permission}]\` in the offering`;
    return [...complaints, { path, message }];
  });
}
