import { defineConfig, type ConfigOf } from '@clawmesh/chassis'
import { cronSettings } from './cron/settings.ts'
import { runSettings } from './runs/settings.ts'

export const agentsConfig = defineConfig('agents', { ...runSettings, ...cronSettings })

export type AgentsConfig = ConfigOf<typeof agentsConfig>
