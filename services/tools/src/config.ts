import { defineConfig, type ConfigOf } from '@clawmesh/chassis'
import { browserSettings } from './browser/settings.ts'
import { execSettings } from './exec/settings.ts'
import { invokeSettings } from './invoke/settings.ts'
import { mcpSettings } from './mcp/settings.ts'
import { policySettings } from './policy/settings.ts'
import { storageSettings } from './storage/settings.ts'
import { ttsSettings } from './tts/settings.ts'
import { webSettings } from './web/settings.ts'

export const toolsConfig = defineConfig('tools', {
  ...policySettings,
  ...webSettings,
  ...execSettings,
  ...browserSettings,
  ...invokeSettings,
  ...mcpSettings,
  ...storageSettings,
  ...ttsSettings,
})

export type ToolsConfig = ConfigOf<typeof toolsConfig>
