// The arrows between rooms (docs/architecture.md). A room may import only what is listed here.
const rooms = {
  lib: [],
  domain: ['lib'],
  telemetry: ['domain', 'lib'],
  config: ['domain', 'lib'],
  template: ['lib'],
  catalog: ['domain', 'template', 'helm', 'telemetry', 'lib'],
  osb: ['usecases', 'catalog', 'domain', 'telemetry', 'lib'],
  usecases: ['store', 'catalog', 'domain', 'telemetry', 'lib'],
  store: ['domain', 'telemetry', 'lib'],
  worker: ['store', 'provisioners', 'credentials', 'delivery', 'catalog', 'domain', 'telemetry', 'lib'],
  helm: ['telemetry', 'lib'],
  provisioners: ['kube', 'helm', 'engines', 'template', 'domain', 'telemetry', 'lib'],
  credentials: ['kube', 'engines', 'template', 'domain', 'telemetry', 'lib'],
  engines: ['domain', 'telemetry', 'lib'],
  delivery: ['kube', 'domain', 'telemetry', 'lib'],
  kube: ['telemetry', 'lib'],
  tools: ['catalog', 'helm', 'provisioners', 'kube', 'store', 'template', 'domain', 'lib'],
  conformance: [],
  cli: ['catalog', 'tools', 'conformance', 'lib'],
};

const arrows = Object.entries(rooms).map(([room, allowed]) => ({
  name: `arrows-of-${room}`,
  comment: `${room} may import ${allowed.length > 0 ? allowed.join(', ') : 'nothing of ours'}`,
  severity: 'error',
  from: { path: `^src/${room}/` },
  to: { path: '^(src|cluster|migrations|bench)/', pathNot: `^src/(${[room, ...allowed].join('|')})/` },
}));

module.exports = {
  forbidden: [
    ...arrows,
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'only-known-rooms',
      comment: 'a new room needs its arrows written here first',
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/(${[...Object.keys(rooms), 'start'].join('|')})/` },
      to: {},
    },
    {
      name: 'no-test-in-production',
      severity: 'error',
      from: { path: '^(src|cluster)/', pathNot: '\\.test\\.ts$' },
      to: { path: '^test/|\\.test\\.ts$' },
    },
    {
      name: 'no-dev-dependency-in-production',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['npm-dev'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      extensions: ['.ts', '.js', '.json'], conditionNames: ['types', 'import', 'node', 'default'] },
  },
};
