/** The rooms a process can hold. This is the only place that knows them all. */
import { agentsConfig, agentsService } from '@clawmesh/agents'
import { channelsService } from '@clawmesh/channels'
import {
  chassisConfig,
  type loadConfigs,
  type ConfigDefinition,
  type Mesh,
  type RemoteService,
  type Service,
} from '@clawmesh/chassis'
import { gatewayConfig, gatewayService } from '@clawmesh/gateway'
import { identityService } from '@clawmesh/identity'
import { memoryConfig, memoryService } from '@clawmesh/memory'
import { packagesConfig, packagesService } from '@clawmesh/packages'
import { providersConfig, providersService } from '@clawmesh/providers'
import { toolsConfig, toolsService } from '@clawmesh/tools'
import { tracesConfig, tracesService } from '@clawmesh/traces'

/** Every room's configuration. */
export const configDefinitions = {
  chassis: chassisConfig,
  gateway: gatewayConfig,
  agents: agentsConfig,
  memory: memoryConfig,
  packages: packagesConfig,
  providers: providersConfig,
  tools: toolsConfig,
  traces: tracesConfig,
} as const satisfies Record<string, ConfigDefinition>

type Configs = ReturnType<typeof loadConfigs<typeof configDefinitions>>

/** How each target is built. A service comes before those that call it when it starts. */
export const targets = {
  identity: (mesh) => identityService(mesh),
  traces: (mesh, configs) => tracesService(mesh, configs.traces),
  providers: (mesh, configs) => providersService(mesh, configs.providers),
  memory: (mesh, configs) => memoryService(mesh, configs.memory),
  channels: (mesh) => channelsService(mesh),
  packages: (mesh, configs) => packagesService(mesh, configs.packages),
  tools: (mesh, configs) => toolsService(mesh, configs.tools),
  agents: (mesh, configs) => agentsService(mesh, configs.agents),
  gateway: (mesh, configs) => gatewayService(mesh, configs.gateway),
} as const satisfies Record<string, (mesh: Mesh, configs: Configs) => Service>

export type TargetName = keyof typeof targets
export const targetNames = Object.keys(targets) as TargetName[]
export type { Configs }

/** Targets of a `--target` value: names between commas, or `all`. @throws Error naming an unknown one */
export const parseTargets = (value: string): TargetName[] => {
  const names = value.split(',').map((name) => name.trim())
  if (names.includes('all')) return targetNames
  const unknown = names.find((name) => !Object.hasOwn(targets, name))
  if (unknown !== undefined) throw new Error(`unknown target ${unknown}; there are ${targetNames.join(', ')} and all`)
  return targetNames.filter((name) => names.includes(name))
}

/** The services that own a database schema. */
export const servicesWithDatabase = targetNames.filter((name): name is RemoteService => name !== 'gateway')
