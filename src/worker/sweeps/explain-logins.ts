/** Which logins no binding explains, and which bindings no login bears out. Pure. */
import type { SweptBinding, SweptInstance } from '../../store/sweep-types.ts';
import type { NewFinding } from '../../store/types.ts';

export interface ExplainedLogins {
  /** Nobody knows them. */
  strange: string[];
  /** Of bindings whose unbind was acknowledged: a late worker made them. */
  stragglers: SweptBinding[];
  /** Bindings in use whose login is not there. */
  missing: SweptBinding[];
}

/**
 * @param logins listed before the rows were read, so that the row of each login that we make is among the bindings
 * @param bindings all bindings of the instance, unbound ones too
 */
export function explainLogins(
  logins: readonly string[],
  bindings: readonly SweptBinding[],
  loginName: (bindingName: string) => string,
): ExplainedLogins {
  const found = new Set(logins);
  const byLogin = new Map(bindings.map((binding) => [loginName(binding.externalName), binding]));
  return {
    strange: logins.filter((login) => !byLogin.has(login)),
    stragglers: bindings.filter(
      ({ state, settled, externalName }) =>
        state === 'unbound' && settled && found.has(loginName(externalName)),
    ),
    missing: bindings.filter(
      ({ state, busy, expired, externalName }) =>
        state === 'bound' && !busy && !expired && !found.has(loginName(externalName)),
    ),
  };
}

type Place = Pick<SweptInstance, 'uid' | 'cluster' | 'namespace'>;

export function loginWithoutRow(login: string, instance: Place): NewFinding {
  return {
    kind: 'login without row',
    ...placeOf(instance),
    name: login,
    detail: `The server of this service instance has the login ${login}, and no service binding explains it.`,
  };
}

export function rowWithoutLogin(login: string, { uid }: SweptBinding, instance: Place): NewFinding {
  return {
    kind: 'row without login',
    ...placeOf(instance),
    name: login,
    bindingUid: uid,
    detail: `The login ${login} of this service binding is gone from its server, or disabled.`,
  };
}

function placeOf({ uid, cluster, namespace }: Place) {
  return { cluster, apiVersion: '', objectKind: 'login', namespace, instanceUid: uid };
}
