import { defineConfig, type ConfigOf } from '@clawmesh/chassis'
import { accountSettings } from './accounts/config.ts'
import { upstreamSettings } from './chat/config.ts'
import { mediaSettings } from './media/config.ts'
import { providerSettings } from './providers/config.ts'

export const providersConfig = defineConfig('providers', {
  ...upstreamSettings,
  ...providerSettings,
  ...accountSettings,
  ...mediaSettings,
})

export type ProvidersConfig = ConfigOf<typeof providersConfig>
