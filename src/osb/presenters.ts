/**
 * What platforms get, in OSBAPI's spelling. Every success is a JSON object (never 204), and a field
 * without a value is left out, because Cloud Foundry rejects nulls.
 */
import type { Response } from 'express';
import type { ChandlerError } from '../domain/errors.ts';
import type { JsonObject } from '../lib/json.ts';
import type { BindOutcome } from '../usecases/bind.ts';
import type { DeprovisionOutcome } from '../usecases/deprovision.ts';
import type { FetchedBinding } from '../usecases/fetch-binding.ts';
import type { FetchedInstance } from '../usecases/fetch-instance.ts';
import type { LastOperation } from '../usecases/last-operation.ts';
import type { ProvisionOutcome } from '../usecases/provision.ts';
import type { UnbindOutcome } from '../usecases/unbind.ts';

export function presentProvision(response: Response, outcome: ProvisionOutcome): void {
  switch (outcome.kind) {
    case 'created':
      response.status(201).json({});
      break;
    case 'exists':
      response.status(200).json({});
      break;
    case 'accepted':
      response.status(202).json({ operation: outcome.operationUid });
      break;
  }
}

export function presentBind(response: Response, outcome: BindOutcome): void {
  switch (outcome.kind) {
    case 'created':
      response.status(201).json({ credentials: outcome.credentials.reveal() });
      break;
    case 'exists':
      response.status(200).json({ credentials: outcome.credentials.reveal() });
      break;
    case 'accepted':
      response.status(202).json({ operation: outcome.operationUid });
      break;
  }
}

export function presentDelete(response: Response, outcome: DeprovisionOutcome | UnbindOutcome): void {
  switch (outcome.kind) {
    case 'deleted':
      response.status(200).json({});
      break;
    case 'accepted':
      response.status(202).json({ operation: outcome.operationUid });
      break;
  }
}

export function presentInstance(response: Response, instance: FetchedInstance): void {
  response.status(200).json({
    service_id: instance.serviceId,
    plan_id: instance.planId,
    ...presentParameters(instance.parameters),
    ...(instance.maintenanceVersion === undefined
      ? {}
      : { maintenance_info: { version: instance.maintenanceVersion } }),
  });
}

export function presentBinding(response: Response, binding: FetchedBinding): void {
  response
    .status(200)
    .json({ credentials: binding.credentials.reveal(), ...presentParameters(binding.parameters) });
}

export function presentLastOperation(response: Response, operation: LastOperation): void {
  response.status(200).json({
    state: operation.state,
    ...(operation.description === '' ? {} : { description: operation.description }),
    ...(operation.instanceUsable === undefined ? {} : { instance_usable: operation.instanceUsable }),
  });
}

export function presentError(response: Response, error: ChandlerError): void {
  response.status(error.status).json({ error: error.word, description: error.message });
}

function presentParameters(parameters: JsonObject): JsonObject {
  return Object.keys(parameters).length === 0 ? {} : { parameters };
}
