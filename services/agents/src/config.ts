import { defineConfig, type ConfigOf } from '@clawmesh/chassis'
import { cronSettings } from './cron/settings.ts'
import { runSettings } from './runs/settings.ts'
import { summoningSettings } from './summoning/settings.ts'

export const agentsConfig = defineConfig('agents', { ...runSettings, ...cronSettings, ...summoningSettings })

export type AgentsConfig = ConfigOf<typeof agentsConfig>
