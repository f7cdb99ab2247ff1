import { defineConfig, type ConfigOf } from '@clawmesh/chassis'
import { upstreamSettings } from './chat/config.ts'
import { providerSettings } from './providers/config.ts'

export const providersConfig = defineConfig('providers', { ...upstreamSettings, ...providerSettings })

export type ProvidersConfig = ConfigOf<typeof providersConfig>
