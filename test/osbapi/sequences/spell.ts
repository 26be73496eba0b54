/** Requests of the model as they go over the wire, and in words. */
import { fakeRequests } from '../../support/osb-broker.ts';
import type { Sent } from '../../support/osb-client.ts';
import { type Expected, type Request, tokenOf } from './expectations.ts';
import { fateKey, type Model, type Operation, type Place } from './model.ts';

/** The type of operation that a request may begin. */
export function beginsOf({ verb }: Request): Operation['type'] | undefined {
  return verb === 'fetch' || verb === 'last_operation' ? undefined : verb;
}

type IdsOf = (place: Place) => readonly [string, string?];

/** @param idsOf the id of an instance, and that of a binding when the place has one */
export function spell(request: Request, model: Model, idsOf: IdsOf): Sent {
  const sent = sentOf(request, model, idsOf);
  return { ...sent, path: sent.path.replace(/\?$/, '') };
}

function sentOf(request: Request, model: Model, idsOf: IdsOf): Sent {
  const [id, bindingId = ''] = idsOf(request);
  const polls = 'polls' in request && request.polls ? 'accepts_incomplete=true' : '';
  const deleting = (plan: string) =>
    [polls, `service_id=fake-service&plan_id=${plan}`].filter((part) => part !== '').join('&');
  const requests = fakeRequests('plan' in request ? request.plan : undefined, id);
  switch (request.verb) {
    case 'provision':
      return requests.provision({ parameters: { note: request.note } }, polls);
    case 'update': {
      const { plan, note } = request;
      return requests.update(
        {
          ...(plan === undefined ? {} : { plan_id: plan }),
          ...(note === undefined ? {} : { parameters: { note } }),
        },
        polls,
      );
    }
    case 'deprovision':
      return requests.deprovision(deleting(request.plan));
    case 'bind': {
      const { predecessor, instance, role } = request;
      const sent = requests.bind(bindingId, role === undefined ? {} : { parameters: { role } }, polls);
      if (predecessor === undefined) return sent;
      const [, predecessorId = ''] = idsOf({ instance, binding: predecessor });
      return { ...sent, body: { predecessor_binding_id: predecessorId } };
    }
    case 'unbind':
      return requests.unbind(bindingId, deleting(request.plan));
    case 'fetch':
      return request.binding === undefined ? requests.fetch() : requests.fetchBinding(bindingId);
    case 'last_operation': {
      const token = request.of === undefined ? undefined : tokenOf(model, request.of);
      const query = token === undefined ? '' : `?operation=${token}`;
      return request.binding === undefined ? requests.poll(query) : requests.pollBinding(bindingId, query);
    }
  }
}

export function wordsOf({ instance, binding }: Place): string {
  return binding === undefined ? `instance ${instance}` : `binding ${binding} of instance ${instance}`;
}

/** With what the service will make of it. */
export function nameOf(request: Request, { fates }: Model): string {
  const type = beginsOf(request);
  const fate = type === undefined ? undefined : fates[fateKey(request, type)];
  const verb = request.verb === 'bind' && request.predecessor !== undefined ? 'rotate to' : request.verb;
  const polls = 'polls' in request && !request.polls ? ', without accepts_incomplete' : '';
  return `${verb} ${wordsOf(request)}${polls}${fate === undefined ? '' : ` (the service ${fate})`}`;
}

export function describeExpected(expected: readonly Expected[]): string {
  const words = expected.map(({ status, error, operation, body, credentialsOf }) =>
    [
      status,
      ...(error === undefined ? [] : [error]),
      ...(operation === undefined
        ? []
        : [`with the operation ${operation.token ?? `of a new ${operation.type}`}`]),
      ...(body === undefined || Object.keys(body).length === 0 ? [] : [JSON.stringify(body)]),
      ...(credentialsOf === undefined ? [] : ['with credentials']),
    ].join(' '),
  );
  return words.join(', or ');
}
