/**
 * What platforms get, in OSBAPI's spelling. Every success is a JSON object (never 204), and a field
 * without a value is left out, because Cloud Foundry rejects nulls.
 */
import type { Response } from 'express';
import type { VolumeMount } from '../domain/binding.ts';
import type { ChandlerError, InstanceAftermath } from '../domain/errors.ts';
import type { OsbOptions } from '../domain/osb-options.ts';
import type { JsonObject } from '../lib/json.ts';
import type { BindOutcome } from '../usecases/bind.ts';
import type { BindingContent } from '../usecases/binding-content.ts';
import type { DeprovisionOutcome } from '../usecases/deprovision.ts';
import type { FetchedBinding } from '../usecases/fetch-binding.ts';
import type { FetchedInstance } from '../usecases/fetch-instance.ts';
import type { LastOperation } from '../usecases/last-operation.ts';
import type { ProvisionOutcome } from '../usecases/provision.ts';
import type { UnbindOutcome } from '../usecases/unbind.ts';
import type { UpdateOutcome } from '../usecases/update.ts';

type Outcome = ProvisionOutcome | UpdateOutcome | BindOutcome | DeprovisionOutcome | UnbindOutcome;

const statusOf: Record<Outcome['kind'], number> = {
  created: 201,
  exists: 200,
  updated: 200,
  deleted: 200,
  accepted: 202,
};

export function presentInstanceOutcome(
  response: Response,
  outcome: ProvisionOutcome | UpdateOutcome | DeprovisionOutcome,
): void {
  const dashboardUrl = 'dashboardUrl' in outcome ? outcome.dashboardUrl : undefined;
  response.status(statusOf[outcome.kind]).json({
    ...presentOperation(outcome),
    ...(dashboardUrl === undefined ? {} : { dashboard_url: dashboardUrl }),
  });
}

export function presentBindingOutcome(
  response: Response,
  outcome: BindOutcome | UnbindOutcome,
  options: OsbOptions,
): void {
  response.status(statusOf[outcome.kind]).json({
    ...presentOperation(outcome),
    ...('credentials' in outcome ? presentContent(outcome, options) : {}),
  });
}

function presentOperation(outcome: Outcome): JsonObject {
  return outcome.kind === 'accepted' ? { operation: outcome.operationUid } : {};
}

export function presentInstance(response: Response, instance: FetchedInstance, options: OsbOptions): void {
  const { serviceId, planId, dashboardUrl, maintenanceVersion } = instance;
  response.status(200).json({
    service_id: serviceId,
    plan_id: planId,
    ...(dashboardUrl === undefined ? {} : { dashboard_url: dashboardUrl }),
    ...presentParameters(instance.parameters, options),
    ...(maintenanceVersion === undefined ? {} : { maintenance_info: { version: maintenanceVersion } }),
  });
}

export function presentBinding(response: Response, binding: FetchedBinding, options: OsbOptions): void {
  response
    .status(200)
    .json({ ...presentContent(binding, options), ...presentParameters(binding.parameters, options) });
}

function presentContent(content: BindingContent, options: OsbOptions): JsonObject {
  const credentials = content.credentials.reveal();
  const { syslogDrainUrl, routeServiceUrl, volumeMounts } = content.attachments?.reveal() ?? {};
  return {
    credentials,
    ...(syslogDrainUrl === undefined ? {} : { syslog_drain_url: syslogDrainUrl }),
    ...(routeServiceUrl === undefined ? {} : { route_service_url: routeServiceUrl }),
    ...(volumeMounts === undefined ? {} : { volume_mounts: volumeMounts.map(presentVolumeMount) }),
    ...presentEndpoints(credentials, options),
    ...presentMetadata(content, options),
  };
}

/** What an app connects to is what its credentials name; with anything else the list would not be complete. */
function presentEndpoints({ host, port }: JsonObject, { endpoints }: OsbOptions): JsonObject {
  const number = typeof port === 'string' && /^\d+$/.test(port) ? Number(port) : port;
  if (endpoints === 'omit' || typeof host !== 'string' || typeof number !== 'number') return {};
  return {
    endpoints: [{ host, ports: [endpoints === 'numbers' ? number : String(number)], protocol: 'tcp' }],
  };
}

/** ISO 8601 with a fraction, in UTC. */
function presentMetadata(
  { expiresAt, renewBefore }: BindingContent,
  { bindingMetadata }: OsbOptions,
): JsonObject {
  if (bindingMetadata === 'omit' || expiresAt === undefined) return {};
  return {
    metadata: {
      expires_at: expiresAt.toISOString(),
      ...(renewBefore === undefined ? {} : { renew_before: renewBefore.toISOString() }),
    },
  };
}

function presentVolumeMount({ driver, containerDir, mode, deviceType, device }: VolumeMount): JsonObject {
  const { volumeId, mountConfig } = device;
  return {
    driver,
    container_dir: containerDir,
    mode,
    device_type: deviceType,
    device: { volume_id: volumeId, ...(mountConfig === undefined ? {} : { mount_config: mountConfig }) },
  };
}

export function presentLastOperation(response: Response, operation: LastOperation): void {
  const { state, description, retryAfterSeconds } = operation;
  if (retryAfterSeconds !== undefined) response.set('Retry-After', String(retryAfterSeconds));
  response.status(200).json({
    state,
    ...(description === '' ? {} : { description }),
    ...presentAftermath(operation),
  });
}

export function presentError(response: Response, error: ChandlerError): void {
  response
    .status(error.status)
    .json({ error: error.word, description: error.message, ...presentAftermath(error.aftermath) });
}

function presentAftermath({ instanceUsable, updateRepeatable }: InstanceAftermath): JsonObject {
  return {
    ...(instanceUsable === undefined ? {} : { instance_usable: instanceUsable }),
    ...(updateRepeatable === undefined ? {} : { update_repeatable: updateRepeatable }),
  };
}

function presentParameters(parameters: JsonObject, { fetchedParameters }: OsbOptions): JsonObject {
  return fetchedParameters === 'omit' || Object.keys(parameters).length === 0 ? {} : { parameters };
}
