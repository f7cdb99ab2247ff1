/** One process of the mesh: builds its rooms, starts them in order, and leaves in order when told to. */
import { setTimeout as sleep } from 'node:timers/promises'
import { lifecycle, migrate, type ChassisConfig, type Lifecycle, type Logger, type Part } from '@clawmesh/chassis'
import { startEmbeddedDatabase, type EmbeddedDatabase } from './embedded/database.ts'
import { databaseUrl, openHost, SetupError } from './host.ts'
import { internalGrpc, internalHttp } from './internal-server.ts'
import { migrationFolder } from './migration-folders.ts'
import { servicesWithDatabase, targets, type Configs, type TargetName } from './targets.ts'

export interface MeshProcess {
  start: () => Promise<void>
  /** Turns unready, lets clients go, drains, flushes, closes. */
  stop: () => Promise<void>
}

interface ProcessParts {
  names: readonly TargetName[]
  configs: Configs
  env: NodeJS.ProcessEnv
  log: Logger
  dataDir: string
  /** Every target runs here, so what is not configured may be embedded. */
  embedded: boolean
}

const migrateAll = async (
  url: (service: (typeof servicesWithDatabase)[number]) => string,
  log: Logger,
): Promise<void> => {
  for (const service of servicesWithDatabase) {
    const applied = await migrate({ url: url(service), schema: service, folder: migrationFolder(service) })
    if (applied.length > 0) log.info({ service, applied }, 'migrated')
  }
}

/** Composes a process out of targets. Nothing runs until `start`. @throws SetupError when something needed is missing */
export const composeProcess = async ({
  names,
  configs,
  env,
  log,
  dataDir,
  embedded,
}: ProcessParts): Promise<MeshProcess> => {
  const config: ChassisConfig = configs.chassis
  const missing = names.find((name) => name !== 'gateway' && databaseUrl(name, config, env) === '')
  let database: EmbeddedDatabase | undefined
  if (missing !== undefined) {
    if (!embedded) throw new SetupError(`DATABASE_URL or ${missing.toUpperCase()}_DATABASE_URL is required`)
    database = await startEmbeddedDatabase(dataDir, log)
  }
  const urlOf = (service: (typeof servicesWithDatabase)[number]) => databaseUrl(service, config, env) || database!.url
  if (embedded) await migrateAll(urlOf, log)

  const mesh = await openHost({ config, log, name: names.join(','), embedded, dataDir, databaseUrl: urlOf })
  const services = names.map((name) => {
    const service = targets[name](mesh, configs)
    mesh.join(service)
    return service
  })

  let life: Lifecycle
  const inner = {
    mesh,
    unready: () => life.unready(),
    host: config.httpHost,
    httpPort: config.httpPort,
    grpcPort: config.grpcPort,
  }
  const grpc = internalGrpc(inner)
  // The gateway takes requests from outside, so it is the last to start and the first to stop.
  const parts: Part[] = [
    { name: 'embedded database', stop: async () => database?.stop() },
    { name: 'mesh', stop: mesh.close },
    { name: 'bus', ready: () => mesh.bus.connected(), stop: mesh.bus.close },
    ...services.filter(({ name }) => name !== 'gateway').flatMap((service) => service.parts),
    ...(embedded ? [] : [grpc]),
    internalHttp(inner),
    ...services.filter(({ name }) => name === 'gateway').flatMap((service) => service.parts),
  ]
  life = lifecycle(parts, log)

  return {
    start: life.start,
    stop: async () => {
      log.info('leaving')
      life.leave()
      grpc.leave()
      for (const service of services) service.lameDuck?.()
      await sleep(config.lameDuckMs)
      await life.stop()
      log.info('left')
    },
  }
}
