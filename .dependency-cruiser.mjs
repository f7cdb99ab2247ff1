/** Who may import whom, types included. The picture is in docs/architecture.md; nothing points back up. */

/** Packages, from the bottom up, with what each may import besides itself. */
const packages = {
  contracts: [],
  chassis: ['contracts'],
  gateway: ['contracts', 'chassis'],
  services: ['contracts', 'chassis'],
  cli: ['contracts', 'chassis', 'gateway', 'services'],
}

const all = Object.keys(packages)
const inside = (names) => `^(${names.join('|')})/`

/** A package's sources import those below it and nothing else of ours. */
const arrows = Object.entries(packages).map(([name, below]) => ({
  name: `${name}-imports-${below.length === 0 ? 'nothing-of-ours' : below.join('-and-')}`,
  severity: 'error',
  from: { path: `^${name}/.*src/` },
  to: { path: `${inside([...all, 'test'])}`, pathNot: inside([name, ...below]) },
}))

/** Files of a layer inside a feature, by their names. */
const layer = (...names) => `^services/[^/]+/src/.*/(${names.join('|')})\\.ts$`
const tables = ['^services/[^/]+/src/db/', layer('rows'), '(^|/)node_modules/(pg|@prisma/[^/]+)/']
const transports = [layer('http', 'ws', 'rpc'), '(^|/)node_modules/(express|@grpc/[^/]+)/']

const rules = [
  ...arrows,
  {
    name: 'a-service-never-imports-another',
    comment: 'it calls the gRPC contract of the other or listens to its events',
    severity: 'error',
    from: { path: '^services/([^/]+)/src/' },
    to: { path: '^services/([^/]+)/', pathNot: '^services/$1/' },
  },
  {
    name: 'transports-never-reach-tables',
    severity: 'error',
    from: { path: layer('http', 'ws', 'rpc') },
    to: { path: tables },
  },
  {
    name: 'rows-know-no-transport',
    severity: 'error',
    from: { path: layer('rows') },
    to: { path: transports },
  },
  {
    name: 'use-cases-know-neither-transport-nor-tables-nor-configuration',
    severity: 'error',
    from: { path: layer('use-cases') },
    to: { path: [...tables, ...transports, '/config\\.ts$'] },
  },
  {
    name: 'spans-are-reached-through-their-port',
    comment: 'so that another store can stand behind it (docs/adr/0057)',
    severity: 'error',
    from: { path: '^services/traces/src/', pathNot: '^services/traces/src/span-store/' },
    to: { path: '^services/traces/src/span-store/postgres/' },
  },
  {
    name: 'no-cycles',
    severity: 'error',
    from: {},
    to: { circular: true },
  },
]

export default {
  forbidden: rules,
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: ['node_modules', '^contracts/src/gen/', '/src/db/client/'] },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
}
