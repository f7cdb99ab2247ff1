/**
 * A whole mesh beside the tests, as it runs in production: each service a process of its own over real PostgreSQL, NATS
 * and Redis, with a fake OpenAI behind it. Memory gets an embedded PostgreSQL where the server lacks pgvector.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { fakeOpenAi } from '../fakes/openai.ts'
import type { FakeUpstream } from '../fakes/http-fake.ts'
import { servicesWithDatabase } from '../../cli/src/targets.ts'
import { patientEnv } from './limits.ts'
import { createMigratedDatabase } from './migrated-database.ts'
import { eventually } from './eventually.ts'
import { apiOf, type Api } from './mesh-api.ts'
import { reservePort } from './mesh-ports.ts'
import { root, runClawmesh, startClawmesh, waitUntilReady, type Ended, type MeshProcess } from './mesh-process.ts'
import { startNats } from './nats.ts'
import { startMigratedPglite, type PgliteProcess } from './pglite.ts'
import { startRedis } from './redis.ts'

const others = ['identity', 'traces', 'providers', 'memory', 'channels', 'packages', 'tools'] as const

export const meshToken = 'the gateway token of the end-to-end tests'
export const ownerId = 'system'
/** For hooks that start one: a dozen processes take their time on a busy machine. */
export const meshStartLimitMs = 300_000

/** Secrets and limits that every process of a test mesh has, before the options' own. */
const commonEnv = {
  ...patientEnv,
  CLAWMESH_HTTP_HOST: '127.0.0.1',
  GOCLAW_HOST: '127.0.0.1',
  CLAWMESH_MESH_SECRET: 'mesh secret of the end-to-end tests, long enough',
  CLAWMESH_ENCRYPTION_KEY: '0123456789abcdef'.repeat(4),
  GOCLAW_GATEWAY_TOKEN: meshToken,
  CLAWMESH_FETCH_ALLOW: '127.0.0.1',
  CLAWMESH_RATE_LIMIT_RPM: '0',
  CLAWMESH_LOG_LEVEL: 'info',
  // MCP servers of the tests are packages of the repository, which a sandbox does not show by itself.
  CLAWMESH_MCP_FOLDERS: root,
  // The suites run over HTTP from the edge, too: CLAWMESH_TEST_EDGE_TRANSPORT=http.
  ...(process.env['CLAWMESH_TEST_EDGE_TRANSPORT'] === undefined
    ? {}
    : { CLAWMESH_EDGE_TRANSPORT: process.env['CLAWMESH_TEST_EDGE_TRANSPORT'] }),
}

export interface MeshOptions {
  /** Processes of the edge, `gateway-1` and so on; default 1. */
  gateways?: number
  /** Processes of agents, `agents-1` and so on; default 1. */
  agents?: number
  /** Each edge sends agents' requests and calls to the replica of its own number alone, so that a test can choose who serves. */
  pinned?: boolean
  /** Runs all that is neither gateway nor agents in one process, `services-1`, which starts sooner; or in several. */
  together?: boolean | number
  /** Environment of every process. */
  env?: Readonly<Record<string, string>>
  /** Further environment of some. */
  envOf?: (name: string) => Readonly<Record<string, string>> | undefined
  /** Servers to use instead of own ones; whoever gives them stops them. */
  databaseUrl?: string
  natsUrl?: string
  redisUrl?: string
  /** Root of the sources that every process runs. Default: these. */
  checkout?: string
}

export interface Mesh {
  /** URLs of the edge's processes. */
  edges: readonly string[]
  token: string
  /** What stands behind the provider that every agent uses. */
  upstream: FakeUpstream
  natsUrl: string
  databaseUrl: string
  dataDir: string
  /** A client of an edge, with the gateway token, as a user; of the first edge as alice by default. */
  api: (edge?: number, userId?: string) => Api
  names: readonly string[]
  pid: (name: string) => number
  /** URL of a process's probes. */
  probe: (name: string, path: string) => string
  logs: (name: string) => string
  /** Sends a signal, by default SIGKILL, and waits for the end. */
  kill: (name: string, signal?: NodeJS.Signals) => Promise<Ended>
  /** Starts a process that has ended on its old ports, and waits until it is ready. */
  restart: (name: string, env?: Readonly<Record<string, string>>) => Promise<void>
  stop: () => Promise<void>
}

interface Member {
  name: string
  targets: readonly string[]
  httpPort: number
  grpcPort: number
  edgePort: number
}

const member = async (name: string, targets: readonly string[]): Promise<Member> => ({
  name,
  targets,
  httpPort: await reservePort(),
  grpcPort: await reservePort(),
  edgePort: targets.includes('gateway') ? await reservePort() : 0,
})

const numbered = (name: string, count: number, targets: readonly string[] = [name]): Promise<Member[]> =>
  Promise.all(Array.from({ length: count }, (_, at) => member(`${name}-${at + 1}`, targets)))

/** Where each service is found: HTTP URLs between commas, and one gRPC target over all its replicas. */
const addresses = (members: readonly Member[]): Record<string, string> =>
  Object.fromEntries(
    ['agents', ...others].flatMap((service) => {
      const replicas = members.filter(({ targets }) => targets.includes(service))
      const variable = `CLAWMESH_${service.toUpperCase()}`
      return [
        [`${variable}_HTTP_URL`, replicas.map(({ httpPort }) => `http://127.0.0.1:${httpPort}`).join(',')],
        [`${variable}_GRPC_URL`, `ipv4:${replicas.map(({ grpcPort }) => `127.0.0.1:${grpcPort}`).join(',')}`],
      ]
    }),
  )

const hasPgvector = async (url: string): Promise<boolean> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(`SELECT 1 FROM pg_available_extensions WHERE name = 'vector'`)).rowCount === 1
  } finally {
    await client.end()
  }
}

/** Undoes what was done, last first, whatever fails on the way. */
const undoer = () => {
  const steps: (() => Promise<unknown>)[] = []
  return {
    add: (step: () => Promise<unknown>) => void steps.push(step),
    undo: async () => {
      for (const step of steps.splice(0).reverse()) await step().catch((error: unknown) => console.error(error))
    },
  }
}

/**
 * Starts a mesh, migrates its databases and registers the fake upstream as its only provider.
 *
 * @throws Error with the log of the process that did not start
 */
export const startMesh = async (options: MeshOptions = {}): Promise<Mesh> => {
  const done = undoer()
  try {
    return await start(options, done)
  } catch (error) {
    await done.undo()
    throw error
  }
}

const start = async (options: MeshOptions, done: ReturnType<typeof undoer>): Promise<Mesh> => {
  const {
    gateways = 1,
    agents = 1,
    together = false,
    pinned = false,
    env = {},
    envOf = () => undefined,
    checkout,
  } = options
  const dataDir = await mkdtemp(join(tmpdir(), 'clawmesh-mesh-'))
  done.add(() => rm(dataDir, { recursive: true, force: true }))
  const logDir = join(dataDir, 'logs')
  await mkdir(logDir)

  const own = async <T extends { url: string }>(
    given: string | undefined,
    begin: () => Promise<T>,
    end: (it: T) => Promise<unknown>,
  ) => {
    if (given !== undefined) return given
    const server = await begin()
    done.add(() => end(server))
    return server.url
  }
  const [natsUrl, redisUrl, databaseUrl, upstream] = await Promise.all([
    own(
      options.natsUrl,
      () => startNats(),
      (nats) => nats.stop('SIGKILL'),
    ),
    own(
      options.redisUrl,
      () => startRedis(),
      (redis) => redis.stop('SIGKILL'),
    ),
    own(
      options.databaseUrl,
      () =>
        createMigratedDatabase(
          'mesh',
          servicesWithDatabase.filter((service) => service !== 'memory'),
        ),
      (database) => database.drop(),
    ),
    fakeOpenAi(),
  ])
  done.add(() => upstream.close())
  let memoryDatabase: PgliteProcess | undefined
  if (!(await hasPgvector(databaseUrl))) {
    const server = (memoryDatabase = await startMigratedPglite(checkout === undefined ? ['memory'] : []))
    done.add(() => server.stop('SIGKILL'))
  }

  const members = [
    ...(together === false
      ? await Promise.all(others.map((name) => member(name, [name])))
      : await numbered('services', Number(together), others)),
    ...(await numbered('agents', agents)),
    ...(await numbered('gateway', gateways)),
  ]
  const sharedEnv: Record<string, string> = {
    ...commonEnv,
    CLAWMESH_DATA_DIR: dataDir,
    DATABASE_URL: databaseUrl,
    ...(memoryDatabase === undefined ? {} : { MEMORY_DATABASE_URL: memoryDatabase.url }),
    NATS_URL: natsUrl,
    REDIS_URL: redisUrl,
    CLAWMESH_GATEWAY_REPLICAS: String(gateways),
    ...addresses(members),
    ...env,
  }
  const migrated = await runClawmesh(['migrate'], sharedEnv, checkout)
  if (migrated.code !== 0) throw new Error(`clawmesh migrate failed\n${migrated.stdout}${migrated.stderr}`)

  const byName = new Map(members.map((each) => [each.name, each]))
  const processes = new Map<string, MeshProcess>()
  const find = <T>(map: ReadonlyMap<string, T>, name: string): T => {
    const found = map.get(name)
    if (found === undefined) throw new Error(`no process ${name}; there are ${[...byName.keys()].join(', ')}`)
    return found
  }
  const ownAgents = (gateway: string) => {
    const { httpPort, grpcPort } = find(byName, gateway.replace('gateway', 'agents'))
    return {
      CLAWMESH_AGENTS_HTTP_URL: `http://127.0.0.1:${httpPort}`,
      CLAWMESH_AGENTS_GRPC_URL: `127.0.0.1:${grpcPort}`,
    }
  }
  const probe = (name: string, path: string) => `http://127.0.0.1:${find(byName, name).httpPort}${path}`
  const begin = async (name: string, further: Readonly<Record<string, string>> = {}): Promise<void> => {
    const { targets, httpPort, grpcPort, edgePort } = find(byName, name)
    const started = startClawmesh(
      ['start', '--target', targets.join(',')],
      {
        ...sharedEnv,
        CLAWMESH_HTTP_PORT: String(httpPort),
        CLAWMESH_GRPC_PORT: String(grpcPort),
        GOCLAW_PORT: String(edgePort),
        ...(pinned && edgePort > 0 ? ownAgents(name) : {}),
        ...envOf(name),
        ...further,
      },
      join(logDir, `${name}.log`),
      checkout,
    )
    processes.set(name, started)
    await waitUntilReady(name, probe(name, '/readyz'), started)
  }
  done.add(async () => {
    for (const [name, each] of processes) {
      const collapse = each.collapse()
      if (collapse !== undefined) console.error(`${name} ${collapse}`)
    }
    await Promise.all([...processes.values()].map((each) => each.end('SIGKILL')))
  })
  await Promise.all(members.map(({ name }) => begin(name)))

  const edges = members.flatMap(({ edgePort }) => (edgePort === 0 ? [] : [`http://127.0.0.1:${edgePort}`]))
  const api = (edge = 0, userId = 'alice') => apiOf({ url: edges[edge]!, token: meshToken, userId })
  // An edge that was up before identity looks for it again only after a pause, and refuses everybody until then.
  await Promise.all(
    edges.map((_, edge) =>
      eventually(
        'an edge that knows its callers',
        async () => (await api(edge).request('GET', '/v1/agents')).status === 200,
      ),
    ),
  )
  await registerUpstream(api(0, ownerId), upstream)

  return {
    edges,
    token: meshToken,
    upstream,
    natsUrl,
    databaseUrl,
    dataDir,
    api,
    names: [...byName.keys()],
    pid: (name) => find(processes, name).pid,
    probe,
    logs: (name) => find(processes, name).output(),
    kill: (name, signal = 'SIGKILL') => find(processes, name).end(signal),
    restart: begin,
    stop: done.undo,
  }
}

/** Makes the fake the provider of every agent that names none. */
export const registerUpstream = async (api: Api, upstream: FakeUpstream): Promise<void> => {
  await api.need('POST', '/v1/providers', {
    name: 'fake',
    provider_type: 'openai_compat',
    api_base: upstream.base,
    api_key: 'sk-end-to-end',
  })
}
