/** Builds what all modules of a process share: bus, databases, secrets, tokens. */
import {
  createMesh,
  createIdentityTokens,
  createLocalBus,
  connectNatsBus,
  parseEncryptionKey,
  createSecretBox,
  tlsFault,
  type Bus,
  type ChassisConfig,
  type Configuration,
  type Logger,
  type MeshHost,
  type MigrationTarget,
  type RemoteService,
  type SecretBox,
} from '@clawmesh/chassis'
import { keptSecret, keptSecrets } from './data-dir.ts'
import { migrationFolder } from './migration-folders.ts'

/** Thrown when the configuration is readable but does not fit the chosen targets. */
export class SetupError extends Error {}

/** The URL of a service's database: its own variable first, then the common one. */
export const databaseUrl = (service: RemoteService, config: ChassisConfig): string =>
  config[`${service}DatabaseUrl`] || config.databaseUrl

/** The URL that a service's database is migrated with: own variable, the common one, or that of the service. */
export const migrationUrl = (service: RemoteService, config: ChassisConfig): string => {
  // A database of its own is not migrated through the common URL.
  const common = config[`${service}DatabaseUrl`] ? '' : config.migrationDatabaseUrl
  return config[`${service}MigrationDatabaseUrl`] || common || databaseUrl(service, config)
}

/** How a service's database is migrated, for one login that migrates and perhaps another one that serves. */
export const migrationTarget = (service: RemoteService, url: string, servingUrl: string): MigrationTarget => ({
  url,
  schema: service,
  folder: migrationFolder(service),
  ...(url === servingUrl ? {} : { servingLogin: decodeURIComponent(new URL(servingUrl).username) }),
})

/**
 * Checks that targets which run apart from each other are given what only one process of all targets can do without.
 * @param homeless services for which no database is configured
 * @throws SetupError naming every variable that is missing
 */
export const requireSetup = (config: ChassisConfig, homeless: readonly RemoteService[]): void => {
  const databases = homeless.map((service) => `${service.toUpperCase()}_DATABASE_URL`).join(', ')
  const missing = [
    ...(homeless.length > 0 ? [`DATABASE_URL (or ${databases})`] : []),
    ...(config.natsUrl === '' ? ['NATS_URL'] : []),
    ...(config.meshSecret ? [] : ['CLAWMESH_MESH_SECRET']),
    ...(config.encryptionKey ? [] : ['CLAWMESH_ENCRYPTION_KEY']),
  ]
  if (missing.length > 0)
    throw new SetupError(`required when services run in several processes:\n  ${missing.join('\n  ')}`)
  const fault = tlsFault(config)
  if (fault !== undefined) throw new SetupError(`CLAWMESH_MESH_TLS is ${config.meshTls}: ${fault}`)
}

const openBus = (config: ChassisConfig, name: string, log: Logger): Promise<Bus> | Bus =>
  config.natsUrl === '' ? createLocalBus(log) : connectNatsBus(config.natsUrl.split(','), name, log)

/** The box for secrets at rest: its keys are configured, or else made and kept in the data folder. */
export const openSecrets = (config: ChassisConfig, dataDir: string): SecretBox => {
  const own = config.encryptionKey === '' ? keptSecrets(dataDir, 'encryption') : [config.encryptionKey]
  const [current, ...others] = [...own, ...config.otherEncryptionKeys].map(parseEncryptionKey)
  return createSecretBox(current!, others)
}

interface HostParts {
  config: ChassisConfig
  configuration?: Configuration
  log: Logger
  name: string
  embedded: boolean
  dataDir: string
  databaseUrl: (service: RemoteService) => string
  isEmbeddedDatabase: (service: RemoteService) => boolean
}

/** The shared parts of a process. Secrets that are not configured are made and kept in the data folder. */
export const openHost = async ({
  config,
  configuration,
  log,
  name,
  embedded,
  dataDir,
  databaseUrl,
  isEmbeddedDatabase,
}: HostParts): Promise<MeshHost> => {
  const tokens = createIdentityTokens(config.meshSecret || keptSecret(dataDir, 'mesh'), config.otherMeshSecrets)
  const secrets = openSecrets(config, dataDir)
  const bus = await openBus(config, name, log.child({ part: 'bus' }))
  return createMesh({
    config,
    ...(configuration === undefined ? {} : { configuration }),
    log,
    embedded,
    dataDir,
    databaseUrl,
    isEmbeddedDatabase,
    bus,
    tokens,
    secrets,
  })
}
