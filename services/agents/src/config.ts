import { defineConfig, type ConfigOf } from '@clawmesh/chassis'
import { runSettings } from './runs/settings.ts'

export const agentsConfig = defineConfig('agents', runSettings)

export type AgentsConfig = ConfigOf<typeof agentsConfig>
