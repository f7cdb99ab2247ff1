import { defineConfig, type ConfigOf } from '@clawmesh/chassis'
import { intakeSettings } from './intake/config.ts'
import { partitionSettings } from './partitions/config.ts'
import { runExportSettings } from './run-export/config.ts'
import { usageCapSettings } from './usage-caps/settings.ts'

export const tracesConfig = defineConfig('traces', {
  ...partitionSettings,
  ...intakeSettings,
  ...usageCapSettings,
  ...runExportSettings,
})

export type TracesConfig = ConfigOf<typeof tracesConfig>
