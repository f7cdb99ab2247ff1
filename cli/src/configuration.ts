/** The configuration of a process: its environment over the configuration file over what its targets imply. */
import { resolve } from 'node:path'
import {
  chassisConfig,
  noticesOf,
  openConfigs,
  readConfigFile,
  settingFromEnv,
  settingsOf,
  type ChassisConfig,
  type Layers,
  type Notices,
  type OpenConfigs,
} from '@clawmesh/chassis'
import { configDefinitions, targetNames, type TargetName } from './targets.ts'

/** A process that runs everything is one user's own: its inside is nobody's business, and its log for when it fails. */
const allInOneDefaults = {
  CLAWMESH_HTTP_HOST: '127.0.0.1',
  CLAWMESH_HTTP_PORT: '0',
  CLAWMESH_LOG_LEVEL: 'warn',
} as const

/** Whether the targets are all there are, so that what is not configured may be embedded. */
export const isAllInOne = (names: readonly TargetName[]): boolean => names.length === targetNames.length

/** Absolute path of the configuration file, whether it exists or not. */
export const configFilePath = (env: NodeJS.ProcessEnv): string =>
  resolve(settingFromEnv(chassisConfig.settings.configFile, env))

/** What targets are configured from. @throws ConfigError when the file cannot be read */
export const readLayers = (env: NodeJS.ProcessEnv, names: readonly TargetName[] = []): Layers => ({
  env,
  file: readConfigFile(configFilePath(env)),
  ...(isAllInOne(names) ? { defaults: allInOneDefaults } : {}),
})

/** Reads every module's configuration. @throws ConfigError listing all faults */
export const openConfiguration = (layers: Layers): OpenConfigs<typeof configDefinitions> =>
  openConfigs(configDefinitions, layers)

export const configNotices = (layers: Layers): Notices => noticesOf(settingsOf(configDefinitions), layers)

/** Least severe level that is to be logged now. */
export const logLevelOf = ({ logLevel, debug }: ChassisConfig): string => {
  const level = logLevel()
  return debug() && level !== 'trace' ? 'debug' : level
}

/** The collector's URL, empty when telemetry is off. */
export const collectorOf = ({ otlpEndpoint, telemetryEnabled, telemetryInsecure }: ChassisConfig): string => {
  if (!telemetryEnabled || otlpEndpoint === '' || otlpEndpoint.includes('://'))
    return telemetryEnabled ? otlpEndpoint : ''
  return `${telemetryInsecure ? 'http' : 'https'}://${otlpEndpoint}`
}
