/** Servers in containers of a Docker engine. Those of registries' images go with the process at the latest, ours when they are stopped. */
import type { StartedTestContainer } from 'testcontainers'
import type { PostgresHandle } from './postgres-handle.ts'

/** What `npm run images -- clawmesh-dependencies` builds: PostgreSQL with pgvector, NATS and Redis; where it is named, all of them run from it. */
export const dependenciesImage = process.env['CLAWMESH_TEST_CONTAINERS']
const postgresImage = dependenciesImage ?? 'pgvector/pgvector:pg18'

interface Server {
  image: string
  command: readonly string[]
  port: number
  env?: Record<string, string>
  /** Folders in memory, which everybody may write. */
  folders: readonly string[]
  ready: RegExp
  /** How often it says so; once unless given. */
  readyTimes?: number
}

const start = async ({ image, command, port, env = {}, folders, ready, readyTimes = 1 }: Server) => {
  // What removes the containers of a process that was killed is an image of a registry, and ours are for machines without.
  if (dependenciesImage !== undefined) process.env['TESTCONTAINERS_RYUK_DISABLED'] ??= 'true'
  // Loaded only here: it takes a second, and most machines that run the tests have no engine.
  const { GenericContainer, Wait } = await import('testcontainers')
  return new GenericContainer(image)
    .withEnvironment(env)
    .withCommand([...command])
    .withTmpFs(Object.fromEntries(folders.map((folder) => [folder, 'rw,mode=1777'])))
    .withExposedPorts(port)
    .withWaitStrategy(Wait.forLogMessage(ready, readyTimes))
    .start()
}

const handleOf = (container: StartedTestContainer, url: (address: string) => string, port: number) => ({
  url: url(`${container.getHost()}:${container.getMappedPort(port)}`),
  stop: async () => void (await container.stop()),
})

/** PostgreSQL with pgvector and these server settings. */
export const startPostgresContainer = async (settings: Readonly<Record<string, string>>): Promise<PostgresHandle> => {
  const port = 5432
  const container = await start({
    image: postgresImage,
    command: ['postgres', ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    port,
    env: { POSTGRES_USER: 'postgres', POSTGRES_PASSWORD: 'postgres', PGDATA: '/data/postgres' },
    folders: ['/data'],
    ready: /database system is ready to accept connections/,
    // The first time is the set-up of the other image, which restarts the server; ours sets up in silence.
    readyTimes: dependenciesImage === undefined ? 2 : 1,
  })
  return handleOf(container, (address) => `postgres://postgres:postgres@${address}/postgres`, port)
}

/** NATS with JetStream. */
export const startNatsContainer = async (image: string): Promise<{ url: string; stop(): Promise<void> }> => {
  const port = 4222
  const command = ['nats-server', '--jetstream', '--store_dir', '/data']
  const container = await start({ image, command, port, folders: ['/data'], ready: /Server is ready/ })
  return handleOf(container, (address) => `nats://${address}`, port)
}

/** A Redis that keeps nothing. */
export const startRedisContainer = async (image: string): Promise<{ url: string; stop(): Promise<void> }> => {
  const port = 6379
  const command = ['redis-server', '--save', '', '--appendonly', 'no', '--protected-mode', 'no', '--dir', '/data']
  const container = await start({ image, command, port, folders: ['/data'], ready: /Ready to accept connections/ })
  return handleOf(container, (address) => `redis://${address}`, port)
}
