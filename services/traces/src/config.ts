import { defineConfig, type ConfigOf } from '@clawmesh/chassis'
import { bucketSettings } from '@clawmesh/chassis/bucket'
import { intakeSettings } from './intake/config.ts'
import { partitionSettings } from './partitions/config.ts'
import { runExportSettings } from './run-export/config.ts'
import { usageCapSettings } from './usage-caps/settings.ts'

export const tracesConfig = defineConfig('traces', {
  ...partitionSettings,
  ...intakeSettings,
  ...usageCapSettings,
  ...runExportSettings,
  ...bucketSettings('Bucket that texts of spans over 8 KB are kept in; empty keeps them in the database'),
})

export type TracesConfig = ConfigOf<typeof tracesConfig>
