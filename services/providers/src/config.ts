import { defineConfig, type ConfigOf } from '@clawmesh/chassis'
import { accountSettings } from './accounts/config.ts'
import { upstreamSettings } from './chat/config.ts'
import { providerSettings } from './providers/config.ts'

export const providersConfig = defineConfig('providers', {
  ...upstreamSettings,
  ...providerSettings,
  ...accountSettings,
})

export type ProvidersConfig = ConfigOf<typeof providersConfig>
