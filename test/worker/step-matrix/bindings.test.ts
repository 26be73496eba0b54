/** See describe-matrix.ts; the verbs of service bindings. */
import { describeMatrix } from './describe-matrix.ts';

const making = [
  'accept',
  'create-login',
  'create-secret',
  'apply-secret',
  'create-configmap',
  'apply-configmap',
  'finish',
];

describeMatrix(
  {
    bind: making,
    rotate: making,
    unbind: ['accept', 'revoke-login', 'delete-secret', 'delete-configmap', 'finish'],
  },
  // A login or an object whose request was on its way when the process stood still.
  Object.fromEntries(
    ['bind', 'rotate'].flatMap((verb) => [
      [`${verb}.before.create-login undone`, ['login']],
      // Bare: it holds no data.
      [`${verb}.before.create-secret undone`, ['Secret']],
      [`${verb}.before.create-configmap undone`, ['ConfigMap']],
    ]),
  ),
);
