// biome-ignore-all lint/suspicious/noTemplateCurlyInString: code that is taken out
import type { Mutant } from './types.ts';

const matrix = 'test/osbapi/state-matrix.test.ts';

/** Use cases that do not do what the state matrix says. Its own cells are compared with docs/osbapi-states.md. */
export const mutants: Mutant[] = [
  {
    items: [136],
    file: 'src/usecases/unbind.ts',
    find: "      throw new ChandlerError('BindingGone');",
    replace: "      throw new ChandlerError('BindingNotFound');",
    test: matrix,
  },
  {
    items: [137],
    file: 'src/usecases/deprovision.ts',
    find: '  if (active !== undefined) await transaction.cancelOperation(active.uid, cancelReason);\n',
    replace: "  if (active !== undefined) throw new ChandlerError('ConcurrencyError');\n",
    test: matrix,
  },
  {
    items: [137],
    file: 'src/worker/bind-tick.ts',
    find: "does === 'wait'",
    replace: "instance.state === 'updating'",
    test: 'test/osbapi/bind.test.ts',
    title: '[95]',
  },
  {
    items: [138],
    file: 'src/usecases/provision.ts',
    find: "same ? 'provision' : 'provision other'",
    replace: "same ? 'provision other' : 'provision'",
    test: matrix,
  },
  {
    items: [138],
    file: 'src/usecases/fetch-instance.ts',
    find: "  obey(reactionToInstance(conditionOfInstance(instance), 'fetch', caller.options));\n",
    replace:
      "  obey(reactionToInstance(conditionOfInstance(instance), 'fetch', caller.options));\n  if (instance?.state === 'ready') throw new ChandlerError('ConcurrencyError');\n",
    test: matrix,
  },
  {
    items: [139],
    file: 'src/usecases/bind.ts',
    find: "  const does = obey(reactionToInstance(conditionOfInstance(instance), 'bind', options));",
    replace: "  const does = obey(reactionToInstance('ready', 'bind', options));",
    test: matrix,
  },
  {
    items: [140],
    file: 'src/usecases/update.ts',
    find: "again ? 'update again' : 'update'",
    replace: "again ? 'update' : 'update again'",
    test: matrix,
  },
  {
    items: [141],
    file: 'src/domain/state-matrix.ts',
    find: "  if (!usable && (state === 'update failed' || state === 'deprovision failed')) return `${state}, unusable`;\n",
    replace: '',
    test: matrix,
  },
  {
    items: [142],
    file: 'src/usecases/unbind.ts',
    find: "    obey(reactionToInstance(conditionOfInstance(instance), 'unbind', options));\n",
    replace: '',
    test: matrix,
  },
  {
    items: [142],
    file: 'src/usecases/bind.ts',
    find: "  if (instance.state === 'deprovisioning') throw new ChandlerError('ConcurrencyError');\n",
    replace: '',
    test: 'test/osb/bind.test.ts',
    title: 'is refused on an instance that failed',
  },
  {
    items: [143],
    file: 'src/worker/run-operation.ts',
    find: 'errorCode: code, ...aftermath }, deps);',
    replace: 'errorCode: code, instanceUsable: true }, deps);',
    test: matrix,
  },
  {
    items: [144],
    file: 'src/usecases/instance-last-operation.ts',
    find: 'deps.store.findInstanceOrTombstone({',
    replace: 'deps.store.findInstance({',
    test: matrix,
  },

  // What no single item says, but all of them rest on.
  {
    items: [44],
    file: 'src/usecases/transact-again.ts',
    find: 'if (tries === mostTries)',
    replace: 'if (tries === 1)',
    test: 'test/osbapi/races.test.ts',
    title: '100 identical provisions of the plan slow',
  },
  {
    items: [43],
    file: 'src/usecases/provision.ts',
    find: "  if (!request.acceptsIncomplete && !revision.sync.provision) throw new ChandlerError('AsyncRequired');\n",
    replace: '',
    test: 'test/osbapi/synchronous-client.test.ts',
    title: 'gets AsyncRequired and no row from a provision',
  },
  {
    items: [14],
    file: 'src/usecases/provision.ts',
    find: "  if (!request.acceptsIncomplete && !revision.sync.provision) throw new ChandlerError('AsyncRequired');\n",
    replace: '',
    test: 'test/osbapi/fuzz.test.ts',
    title: 'hostile requests get no 5xx',
  },
  {
    items: [14],
    file: 'src/osb/path-ids.ts',
    find: "id.includes('\\0') || ",
    replace: '',
    test: 'test/osbapi/fuzz.test.ts',
    title: 'hostile requests get no 5xx',
  },
  {
    items: [14],
    file: 'src/osb/parse-json.ts',
    find: "text.includes('\\0') || ",
    replace: '',
    test: 'test/osbapi/fuzz.test.ts',
    title: 'hostile requests get no 5xx',
  },
];
