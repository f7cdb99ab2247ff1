/** Builds what all rooms of a process share: bus, databases, secrets, tokens. */
import {
  createMesh,
  identityTokens,
  localBus,
  natsBus,
  parseEncryptionKey,
  secretBox,
  type Bus,
  type ChassisConfig,
  type Logger,
  type MeshHost,
  type RemoteService,
} from '@clawmesh/chassis'
import { keptSecret } from './data-dir.ts'

/** Thrown when the configuration is readable but does not fit the chosen targets. */
export class SetupError extends Error {}

/** The URL of a service's database: its own variable first, then the common one. */
export const databaseUrl = (service: RemoteService, config: ChassisConfig, env: NodeJS.ProcessEnv): string =>
  env[`${service.toUpperCase()}_DATABASE_URL`] || config.databaseUrl

const openBus = (config: ChassisConfig, name: string, embedded: boolean, log: Logger): Promise<Bus> | Bus => {
  if (config.natsUrl !== '') return natsBus(config.natsUrl.split(','), name, log.child({ part: 'bus' }))
  if (!embedded) throw new SetupError('NATS_URL is required when services run in several processes')
  return localBus(log.child({ part: 'bus' }))
}

interface HostParts {
  config: ChassisConfig
  log: Logger
  name: string
  embedded: boolean
  dataDir: string
  databaseUrl: (service: RemoteService) => string
  isEmbeddedDatabase: (service: RemoteService) => boolean
}

/**
 * The shared parts of a process. In embedded mode missing secrets are made and kept in the data folder.
 * @throws SetupError when something the chosen targets need is not configured
 */
export const openHost = async ({
  config,
  log,
  name,
  embedded,
  dataDir,
  databaseUrl,
  isEmbeddedDatabase,
}: HostParts): Promise<MeshHost> => {
  const secret = (value: string | undefined, file: string, variable: string): string => {
    if (value) return value
    if (embedded) return keptSecret(dataDir, file)
    throw new SetupError(`${variable} is required when services run in several processes`)
  }
  const tokens = identityTokens(secret(config.meshSecret, 'mesh', 'CLAWMESH_MESH_SECRET'))
  const secrets = secretBox(parseEncryptionKey(secret(config.encryptionKey, 'encryption', 'CLAWMESH_ENCRYPTION_KEY')))
  // Last, as this waits for a server that is away: what is missing is said before.
  const bus = await openBus(config, name, embedded, log)
  return createMesh({ config, log, embedded, dataDir, databaseUrl, isEmbeddedDatabase, bus, tokens, secrets })
}
