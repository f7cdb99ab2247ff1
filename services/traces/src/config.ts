import { defineConfig, type ConfigOf } from '@clawmesh/chassis'
import { intakeSettings } from './intake/config.ts'
import { partitionSettings } from './partitions/config.ts'

export const tracesConfig = defineConfig('traces', { ...partitionSettings, ...intakeSettings })

export type TracesConfig = ConfigOf<typeof tracesConfig>
