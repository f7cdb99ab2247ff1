/** The packages a process can hold. This is the only place that knows them all. */
import { agentsConfig } from '@clawmesh/agents/config'
import {
  chassisConfig,
  type ConfigDefinition,
  type loadConfigs,
  type Mesh,
  type RemoteService,
  type SecretColumn,
  type Service,
} from '@clawmesh/chassis'
import { secretColumns as channelSecrets } from '@clawmesh/channels/secrets'
import { gatewayConfig } from '@clawmesh/gateway/config'
import { identityConfig } from '@clawmesh/identity/config'
import { secretColumns as identitySecrets } from '@clawmesh/identity/secrets'
import { memoryConfig } from '@clawmesh/memory/config'
import { packagesConfig } from '@clawmesh/packages/config'
import { providersConfig } from '@clawmesh/providers/config'
import { secretColumns as providerSecrets } from '@clawmesh/providers/secrets'
import { toolsConfig } from '@clawmesh/tools/config'
import { secretColumns as toolSecrets } from '@clawmesh/tools/secrets'
import { tracesConfig } from '@clawmesh/traces/config'
import { SetupError } from './host.ts'

/** Every package's configuration. */
export const configDefinitions = {
  chassis: chassisConfig,
  gateway: gatewayConfig,
  agents: agentsConfig,
  identity: identityConfig,
  memory: memoryConfig,
  packages: packagesConfig,
  providers: providersConfig,
  tools: toolsConfig,
  traces: tracesConfig,
} as const satisfies Record<string, ConfigDefinition>

export type Configs = ReturnType<typeof loadConfigs<typeof configDefinitions>>
type Build = (mesh: Mesh, configs: Configs) => Service

/**
 * How each target is loaded and built. A process loads only the packages it holds, which keeps it small. A service comes
 * before those that call it when it starts.
 */
export const targets = {
  identity: async (): Promise<Build> => {
    const { identityService } = await import('@clawmesh/identity')
    return (mesh, configs) => identityService(mesh, configs.identity)
  },
  traces: async (): Promise<Build> => {
    const { tracesService } = await import('@clawmesh/traces')
    return (mesh, configs) => tracesService(mesh, configs.traces)
  },
  providers: async (): Promise<Build> => {
    const { providersService } = await import('@clawmesh/providers')
    return (mesh, configs) => providersService(mesh, configs.providers)
  },
  memory: async (): Promise<Build> => {
    const { memoryService } = await import('@clawmesh/memory')
    return (mesh, configs) => memoryService(mesh, configs.memory)
  },
  channels: async (): Promise<Build> => (await import('@clawmesh/channels')).channelsService,
  packages: async (): Promise<Build> => {
    const { packagesService } = await import('@clawmesh/packages')
    return (mesh, configs) => packagesService(mesh, configs.packages)
  },
  tools: async (): Promise<Build> => {
    const { toolsService } = await import('@clawmesh/tools')
    return (mesh, configs) => toolsService(mesh, configs.tools)
  },
  agents: async (): Promise<Build> => {
    const { agentsService } = await import('@clawmesh/agents')
    return (mesh, configs) => agentsService(mesh, configs.agents)
  },
  gateway: async (): Promise<Build> => {
    const { gatewayService } = await import('@clawmesh/gateway')
    return (mesh, configs) => gatewayService(mesh, configs.gateway)
  },
} as const

export type TargetName = keyof typeof targets
export const targetNames = Object.keys(targets) as TargetName[]

/** Targets of a `--target` value: names between commas, or `all`. @throws SetupError naming an unknown one */
export const parseTargets = (value: string): TargetName[] => {
  const names = value.split(',').map((name) => name.trim())
  if (names.includes('all')) return targetNames
  const unknown = names.find((name) => !Object.hasOwn(targets, name))
  if (unknown !== undefined)
    throw new SetupError(`unknown target ${unknown}; there are ${targetNames.join(', ')} and all`)
  return targetNames.filter((name) => names.includes(name))
}

/** The services that own a database schema. */
export const servicesWithDatabase = targetNames.filter((name): name is RemoteService => name !== 'gateway')

/** What each service keeps sealed; services that are not named keep nothing. */
export const secretColumns: Partial<Record<RemoteService, readonly SecretColumn[]>> = {
  identity: identitySecrets,
  providers: providerSecrets,
  channels: channelSecrets,
  tools: toolSecrets,
}
