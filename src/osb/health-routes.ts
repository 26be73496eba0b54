import { Router } from 'express';
import { refuseOtherMethods } from './refuse-other-methods.ts';
import { type AppDeps, localsOf, type ReadinessCheck } from './types.ts';

const longestCheckMs = 2000;

/** Liveness says that the process answers; readiness that requests would succeed. Both without credentials. */
export function createHealthRoutes(deps: AppDeps): Router {
  const checks: ReadinessCheck[] = [
    { name: 'store', check: () => deps.store.ping() },
    ...deps.readinessChecks,
  ];
  const router = Router();
  router
    .route('/healthz')
    .get((_request, response) => {
      localsOf(response).route = '/healthz';
      response.json({ status: 'ok' });
    })
    .all(refuseOtherMethods(['GET']));
  router
    .route('/readyz')
    .get(async (_request, response) => {
      localsOf(response).route = '/readyz';
      const results = await Promise.all(
        checks.map(async ({ name, check }) => ({ name, cause: await faultOf(check) })),
      );
      const failed = results.filter(({ cause }) => cause !== undefined);
      for (const { name, cause } of failed) deps.events.notReady({ check: name, cause });
      response.status(failed.length === 0 ? 200 : 503).json({
        status: failed.length === 0 ? 'ok' : 'not ready',
        checks: Object.fromEntries(results.map(({ name, cause }) => [name, cause === undefined])),
      });
    })
    .all(refuseOtherMethods(['GET']));
  return router;
}

async function faultOf(check: ReadinessCheck['check']): Promise<unknown> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error('no answer in time')), longestCheckMs);
  try {
    await Promise.race([check(), promise]);
    return undefined;
  } catch (error) {
    return error ?? new Error('failed');
  } finally {
    clearTimeout(timer);
  }
}
