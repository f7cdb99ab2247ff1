/** One process of the mesh: builds its modules, starts them in order, and leaves in order when told to. */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  createConfiguration,
  createLifecycle,
  migrate,
  type ChassisConfig,
  type Lifecycle,
  setLogLevel,
  type Logger,
  type OpenConfigs,
  type Part,
  type RemoteService,
} from '@clawmesh/chassis'
import { logLevelOf } from './configuration.ts'
import { withoutDatabase } from './databases.ts'
import { startEmbeddedDatabase, type EmbeddedDatabase } from './embedded/database.ts'
import { databaseUrl, migrationTarget, migrationUrl, openHost, requireSetup } from './host.ts'
import { internalGrpc, internalHttp } from './internal-server.ts'
import { schemaPart } from './schema.ts'
import { followStoredConfig } from './stored-config.ts'
import { configDefinitions, servicesWithDatabase, targets, type TargetName } from './targets.ts'

export interface MeshProcess {
  start: () => Promise<void>
  /** Turns unready, lets clients go, drains, flushes, closes. */
  stop: () => Promise<void>
  /** The port that the edge listens on; 0 without a gateway in this process. */
  edgePort: () => number
}

interface ProcessParts {
  names: readonly TargetName[]
  open: OpenConfigs<typeof configDefinitions>
  log: Logger
  dataDir: string
  /** Every target runs here, so what is not configured may be embedded. */
  embedded: boolean
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
export const composeProcess = async ({ names, open, log, dataDir, embedded }: ProcessParts): Promise<MeshProcess> => {
  const { configs } = open
  const config: ChassisConfig = configs.chassis
  const configuration = createConfiguration(configDefinitions, open)
  const unserved = await withoutDatabase(
    names.filter((name) => name !== 'gateway'),
    config,
    embedded,
  )
  if (!embedded) requireSetup(config, unserved)
  const database: EmbeddedDatabase | undefined =
    unserved.length > 0 ? await startEmbeddedDatabase(dataDir, log) : undefined
  const urlOf = (service: RemoteService) => (unserved.includes(service) ? database!.url : databaseUrl(service, config))
  const migrationUrlOf = (service: RemoteService) =>
    unserved.includes(service) ? database!.url : migrationUrl(service, config)
  const migrates = embedded || config.autoUpgrade
  if (migrates)
    await migrateAll(
      servicesWithDatabase.filter((service) => names.includes(service)),
      { serving: urlOf, migration: migrationUrlOf },
      log,
    )

  const mesh = await openHost({
    config,
    configuration,
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
  let level = logLevelOf(config)
  const followLevel = () => {
    if (level === logLevelOf(config)) return
    level = logLevelOf(config)
    setLogLevel(log, level)
  }
  const stored = followStoredConfig({ mesh, configuration, taken: followLevel, log })
  const grpc = internalGrpc(inner)
  const http = internalHttp({ ...inner, drainLinked: grpc.drainHttp })
  // The gateway takes requests from outside, so it is the last to start and the first to stop.
  const parts: Part[] = [
    { name: 'embedded database', stop: async () => database?.stop() },
    { name: 'mesh', stop: mesh.close },
    { name: 'bus', degraded: () => !mesh.bus.connected(), stop: mesh.bus.close },
    ...servicesWithDatabase
      .filter((service) => names.includes(service) && !migrates)
      .map((service) => schemaPart(migrationTarget(service, urlOf(service), urlOf(service)), log)),
    ...services.filter(({ name }) => name !== 'gateway').flatMap((service) => service.parts),
    ...(embedded ? [] : [grpc]),
    http,
    stored,
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
