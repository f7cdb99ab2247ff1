import { z } from 'zod'
import { defineConfig, integer, type ConfigOf } from '@clawmesh/chassis'
import { toolRulesSchema } from './domain/policy.ts'
import { domainSettingsSchema } from './domain/web/web-access.ts'

/** A JSON object given as text. */
const jsonText = <T extends z.ZodType>(schema: T) =>
  z
    .string()
    .default('{}')
    .transform((text, context): unknown => {
      try {
        return JSON.parse(text)
      } catch {
        context.addIssue({ code: 'custom', message: 'not valid JSON' })
        return z.NEVER
      }
    })
    .pipe(schema)

export const toolsConfig = defineConfig('tools', {
  policy: {
    env: ['CLAWMESH_TOOL_POLICY'],
    schema: jsonText(toolRulesSchema),
    about: 'Tool policy of the installation as JSON: profile, allow, deny, alsoAllow, byProvider',
  },
  webDomains: {
    env: ['CLAWMESH_WEB_FETCH_POLICY'],
    schema: jsonText(domainSettingsSchema),
    about: 'Domains that web_fetch may reach, as JSON: policy (allow_all, allowlist), allowed_domains, blocked_domains',
  },
  toolTimeoutMs: {
    env: ['CLAWMESH_TOOL_TIMEOUT_MS'],
    schema: integer(120_000, 1),
    about: 'How long one tool call may take',
  },
})

export type ToolsConfig = ConfigOf<typeof toolsConfig>
