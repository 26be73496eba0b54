import { type Request, type RequestHandler, type Response, Router } from 'express';
import { ChandlerError } from '../domain/errors.ts';
import { bind } from '../usecases/bind.ts';
import { bindingLastOperation } from '../usecases/binding-last-operation.ts';
import { deprovision } from '../usecases/deprovision.ts';
import { fetchBinding } from '../usecases/fetch-binding.ts';
import { fetchInstance } from '../usecases/fetch-instance.ts';
import { instanceLastOperation } from '../usecases/instance-last-operation.ts';
import { provision } from '../usecases/provision.ts';
import { unbind } from '../usecases/unbind.ts';
import { callerOf } from './basic-auth.ts';
import { jsonBody, readBody } from './json-body.ts';
import { pathId } from './path-ids.ts';
import {
  presentBind,
  presentBinding,
  presentDelete,
  presentInstance,
  presentLastOperation,
  presentProvision,
} from './presenters.ts';
import { type AppDeps, localsOf } from './types.ts';
import { parseBind, parseDelete, parseOperationToken, parseProvision } from './wire-requests.ts';

type Handler = (request: Request, response: Response) => void | Promise<void>;
type Handlers = Partial<Record<'get' | 'put' | 'delete', Handler>>;

const instancePath = '/service_instances/:instance_id';
const bindingPath = `${instancePath}/service_bindings/:binding_id`;

/** The routes under /v2, behind authentication and the version check. */
export function createOsbRoutes(deps: AppDeps): Router {
  const router = Router({ strict: true, caseSensitive: true });
  const instanceOf = (request: Request) => ({ instanceId: pathId(request, 'instance_id') });
  const bindingOf = (request: Request) => ({
    ...instanceOf(request),
    bindingId: pathId(request, 'binding_id'),
  });

  addRoute(router, '/catalog', {
    get: (_request, response) => {
      response.status(200).json(deps.catalog.document);
    },
  });

  addRoute(router, instancePath, {
    get: async (request, response) => {
      presentInstance(response, await fetchInstance(deps, callerOf(response), instanceOf(request)));
    },
    put: async (request, response) => {
      const instance = instanceOf(request);
      const body = parseProvision(request, jsonBody(request));
      presentProvision(response, await provision(deps, callerOf(response), { ...instance, ...body }));
    },
    delete: async (request, response) => {
      const instance = instanceOf(request);
      const query = parseDelete(request);
      presentDelete(response, await deprovision(deps, callerOf(response), { ...instance, ...query }));
    },
  });

  addRoute(router, `${instancePath}/last_operation`, {
    get: async (request, response) => {
      const poll = { ...instanceOf(request), ...parseOperationToken(request) };
      presentLastOperation(response, await instanceLastOperation(deps, callerOf(response), poll));
    },
  });

  addRoute(router, bindingPath, {
    get: async (request, response) => {
      presentBinding(response, await fetchBinding(deps, callerOf(response), bindingOf(request)));
    },
    put: async (request, response) => {
      const binding = bindingOf(request);
      const body = parseBind(request, jsonBody(request));
      presentBind(response, await bind(deps, callerOf(response), { ...binding, ...body }));
    },
    delete: async (request, response) => {
      const binding = bindingOf(request);
      const query = parseDelete(request);
      presentDelete(response, await unbind(deps, callerOf(response), { ...binding, ...query }));
    },
  });

  addRoute(router, `${bindingPath}/last_operation`, {
    get: async (request, response) => {
      const poll = { ...bindingOf(request), ...parseOperationToken(request) };
      presentLastOperation(response, await bindingLastOperation(deps, callerOf(response), poll));
    },
  });
  return router;
}

function addRoute(router: Router, path: string, handlers: Handlers): void {
  const route = router.route(path);
  const nameRoute: RequestHandler = (_request, response, next) => {
    localsOf(response).route = `/v2${path}`;
    next();
  };
  route.all(nameRoute);
  if (handlers.get !== undefined) route.get(handlers.get);
  if (handlers.put !== undefined) route.put(readBody, handlers.put);
  if (handlers.delete !== undefined) route.delete(handlers.delete);
  const allowed = Object.keys(handlers).map((method) => method.toUpperCase());
  route.all((request, response) => {
    response.set('Allow', allowed.join(', '));
    throw new ChandlerError('MethodNotAllowed', {
      sentence:
        request.method === 'PATCH' && path === instancePath
          ? 'The plans of this broker cannot be updated (plan_updateable is false). Create a new service instance instead.'
          : `This path does not support ${request.method}. Use ${allowed.join(' or ')}.`,
    });
  });
}
