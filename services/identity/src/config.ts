import { defineConfig, type ConfigOf } from '@clawmesh/chassis'
import { editionSettings } from './edition/settings.ts'
import { oidcSettings } from './oidc-issuers/settings.ts'

export const identityConfig = defineConfig('identity', { ...editionSettings, ...oidcSettings })

export type IdentityConfig = ConfigOf<typeof identityConfig>
