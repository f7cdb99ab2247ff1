import { defineConfig, integer, type ConfigOf } from '@clawmesh/chassis'
import { installationRulesSchema } from './policy/policy.ts'
import { domainSettingsSchema } from './web/web-access.ts'

export const toolsConfig = defineConfig('tools', {
  policy: {
    env: ['CLAWMESH_TOOL_POLICY'],
    file: ['tools.profile', 'tools.allow', 'tools.deny', 'tools.alsoAllow', 'tools.byProvider'],
    schema: installationRulesSchema.prefault({}),
    about: 'Tool policy of the installation as JSON: profile, allow, deny, alsoAllow, byProvider',
  },
  webDomains: {
    env: ['CLAWMESH_WEB_FETCH_POLICY'],
    file: 'tools.web_fetch',
    schema: domainSettingsSchema.prefault({}),
    about: 'Domains that web_fetch may reach, as JSON: policy (allow_all, allowlist), allowed_domains, blocked_domains',
  },
  toolTimeoutMs: {
    env: ['CLAWMESH_TOOL_TIMEOUT_MS'],
    schema: integer(120_000, 1),
    about: 'How long one tool call may take',
  },
})

export type ToolsConfig = ConfigOf<typeof toolsConfig>
