import type { Setting } from '@clawmesh/chassis'
import { installationRulesSchema } from './rules.ts'

export const policySettings = {
  policy: {
    env: ['CLAWMESH_TOOL_POLICY'],
    file: ['tools.profile', 'tools.allow', 'tools.deny', 'tools.alsoAllow', 'tools.byProvider', 'tools.toolCallPrefix'],
    schema: installationRulesSchema.prefault({}),
    about: 'Tool policy of the installation as JSON: profile, allow, deny, alsoAllow, byProvider, toolCallPrefix',
  },
} as const satisfies Record<string, Setting>
