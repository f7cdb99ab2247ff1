/** One process of the mesh: builds its modules, starts them in order, and leaves in order when told to. */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  createLifecycle,
  migrate,
  type ChassisConfig,
  type Lifecycle,
  type Logger,
  type Part,
  type RemoteService,
} from '@clawmesh/chassis'
import pg from 'pg'
import { startEmbeddedDatabase, type EmbeddedDatabase } from './embedded/database.ts'
import { databaseUrl, migrationTarget, migrationUrl, openHost, requireSetup } from './host.ts'
import { internalGrpc, internalHttp } from './internal-server.ts'
import { servicesWithDatabase, targets, type Configs, type TargetName } from './targets.ts'

export interface MeshProcess {
  start: () => Promise<void>
  /** Turns unready, lets clients go, drains, flushes, closes. */
  stop: () => Promise<void>
  /** The port that the edge listens on; 0 without a gateway in this process. */
  edgePort: () => number
}

interface ProcessParts {
  names: readonly TargetName[]
  configs: Configs
  log: Logger
  dataDir: string
  /** Every target runs here, so what is not configured may be embedded. */
  embedded: boolean
}

const hasPgvector = async (url: string): Promise<boolean> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(`SELECT 1 FROM pg_available_extensions WHERE name = 'vector'`)).rowCount === 1
  } finally {
    await client.end()
  }
}

/** Services for which no database is configured. Memory needs pgvector, which the common server may lack. */
const withoutDatabase = async (
  names: readonly TargetName[],
  config: ChassisConfig,
  embedded: boolean,
): Promise<RemoteService[]> => {
  const services = names.filter((name): name is RemoteService => name !== 'gateway')
  const missing = services.filter((service) => databaseUrl(service, config) === '')
  const shared = databaseUrl('memory', config)
  const memoryElsewhere = embedded && shared !== '' && shared === config.databaseUrl && !(await hasPgvector(shared))
  return memoryElsewhere ? [...missing, 'memory'] : missing
}

interface MigrationUrls {
  serving: (service: RemoteService) => string
  migration: (service: RemoteService) => string
}

const migrateAll = async (
  services: readonly RemoteService[],
  { serving, migration }: MigrationUrls,
  log: Logger,
): Promise<void> => {
  for (const service of services) {
    const applied = await migrate(migrationTarget(service, migration(service), serving(service)))
    if (applied.length > 0) log.info({ service, applied }, 'migrated')
  }
}

/** Composes a process out of targets. Nothing runs until `start`. @throws SetupError when something needed is missing */
export const composeProcess = async ({
  names,
  configs,
  log,
  dataDir,
  embedded,
}: ProcessParts): Promise<MeshProcess> => {
  const config: ChassisConfig = configs.chassis
  const unserved = await withoutDatabase(names, config, embedded)
  if (!embedded) requireSetup(config, unserved)
  const database: EmbeddedDatabase | undefined =
    unserved.length > 0 ? await startEmbeddedDatabase(dataDir, log) : undefined
  const urlOf = (service: RemoteService) => (unserved.includes(service) ? database!.url : databaseUrl(service, config))
  const migrationUrlOf = (service: RemoteService) =>
    unserved.includes(service) ? database!.url : migrationUrl(service, config)
  if (embedded || config.autoUpgrade)
    await migrateAll(
      servicesWithDatabase.filter((service) => names.includes(service)),
      { serving: urlOf, migration: migrationUrlOf },
      log,
    )

  const mesh = await openHost({
    config,
    log,
    name: names.join(','),
    embedded,
    dataDir,
    databaseUrl: urlOf,
    isEmbeddedDatabase: (service) => unserved.includes(service),
  })
  const builds = await Promise.all(names.map((name) => targets[name]()))
  const services = builds.map((build) => {
    const service = build(mesh, configs)
    mesh.join(service)
    return service
  })

  const inner = {
    mesh,
    life: { unready: () => life.unready(), away: () => life.away() },
    host: config.httpHost,
    httpPort: config.httpPort,
    grpcPort: config.grpcPort,
  }
  const grpc = internalGrpc(inner)
  const http = internalHttp(inner)
  // The gateway takes requests from outside, so it is the last to start and the first to stop.
  const parts: Part[] = [
    { name: 'embedded database', stop: async () => database?.stop() },
    { name: 'mesh', stop: mesh.close },
    { name: 'bus', degraded: () => !mesh.bus.connected(), stop: mesh.bus.close },
    ...services.filter(({ name }) => name !== 'gateway').flatMap((service) => service.parts),
    ...(embedded ? [] : [grpc]),
    http,
    ...services.filter(({ name }) => name === 'gateway').flatMap((service) => service.parts),
  ]
  const life: Lifecycle = createLifecycle(parts, log)

  return {
    start: life.start,
    edgePort: () => services.map((service) => service.port?.() ?? 0).find((port) => port > 0) ?? 0,
    stop: async () => {
      log.info('leaving')
      life.leave()
      grpc.leave()
      http.lameDuck()
      for (const service of services) service.lameDuck?.()
      await sleep(config.lameDuckMs)
      await life.stop()
      log.info('left')
    },
  }
}
