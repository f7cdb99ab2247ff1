import { defineConfig, type ConfigOf } from '@clawmesh/chassis'
import { machineSettings } from './machine/settings.ts'
import { packageSettings } from './packages/settings.ts'
import { runtimeSettings } from './runtimes/settings.ts'

export const packagesConfig = defineConfig('packages', { ...packageSettings, ...runtimeSettings, ...machineSettings })

export type PackagesConfig = ConfigOf<typeof packagesConfig>
