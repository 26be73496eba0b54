import { type Request, type RequestHandler, type Response, Router } from 'express';
import { bind } from '../usecases/bind.ts';
import { bindingLastOperation } from '../usecases/binding-last-operation.ts';
import { deprovision } from '../usecases/deprovision.ts';
import { fetchBinding } from '../usecases/fetch-binding.ts';
import { fetchInstance } from '../usecases/fetch-instance.ts';
import { instanceLastOperation } from '../usecases/instance-last-operation.ts';
import { provision } from '../usecases/provision.ts';
import { unbind } from '../usecases/unbind.ts';
import { update } from '../usecases/update.ts';
import { callerOf } from './basic-auth.ts';
import { compressCatalog, serveCatalog } from './catalog-route.ts';
import { jsonBody, readBody } from './json-body.ts';
import { pathId } from './path-ids.ts';
import {
  presentBinding,
  presentBindingOutcome,
  presentInstance,
  presentInstanceOutcome,
  presentLastOperation,
} from './presenters.ts';
import { refuseOtherMethods } from './refuse-other-methods.ts';
import { type AppDeps, localsOf } from './types.ts';
import { parseBind, parseDelete, parseOperationToken, parseProvision, parseUpdate } from './wire-requests.ts';

type Handler = (request: Request, response: Response) => void | Promise<void>;
type Handlers = Partial<Record<'get' | 'put' | 'patch' | 'delete', Handler>>;

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

  router.get('/catalog', compressCatalog);
  addRoute(router, '/catalog', { get: serveCatalog(deps.catalog) });

  addRoute(router, instancePath, {
    get: async (request, response) => {
      const caller = callerOf(response);
      presentInstance(response, await fetchInstance(deps, caller, instanceOf(request)), caller.options);
    },
    put: async (request, response) => {
      const caller = callerOf(response);
      const instance = instanceOf(request);
      const body = parseProvision(request, jsonBody(request), caller.options);
      presentInstanceOutcome(response, await provision(deps, caller, { ...instance, ...body }));
    },
    patch: async (request, response) => {
      const caller = callerOf(response);
      const instance = instanceOf(request);
      const body = parseUpdate(request, jsonBody(request), caller.options);
      presentInstanceOutcome(response, await update(deps, caller, { ...instance, ...body }));
    },
    delete: async (request, response) => {
      const caller = callerOf(response);
      const instance = instanceOf(request);
      const query = parseDelete(request, caller.options);
      presentInstanceOutcome(response, await deprovision(deps, caller, { ...instance, ...query }));
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
      const caller = callerOf(response);
      presentBinding(response, await fetchBinding(deps, caller, bindingOf(request)), caller.options);
    },
    put: async (request, response) => {
      const caller = callerOf(response);
      const binding = bindingOf(request);
      const body = parseBind(request, jsonBody(request), caller.options);
      const outcome = await bind(deps, caller, { ...binding, ...body });
      presentBindingOutcome(response, outcome, caller.options);
    },
    delete: async (request, response) => {
      const caller = callerOf(response);
      const binding = bindingOf(request);
      const query = parseDelete(request, caller.options);
      presentBindingOutcome(response, await unbind(deps, caller, { ...binding, ...query }), caller.options);
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
  if (handlers.patch !== undefined) route.patch(readBody, handlers.patch);
  if (handlers.delete !== undefined) route.delete(handlers.delete);
  route.all(refuseOtherMethods(Object.keys(handlers).map((method) => method.toUpperCase())));
}
