import type { Setting } from '@clawmesh/chassis'
import { domainSettingsSchema } from './web-access.ts'

export const webSettings = {
  webDomains: {
    env: ['CLAWMESH_WEB_FETCH_POLICY'],
    file: 'tools.web_fetch',
    schema: domainSettingsSchema.prefault({}),
    about: 'Domains that web_fetch may reach, as JSON: policy (allow_all, allowlist), allowed_domains, blocked_domains',
  },
} as const satisfies Record<string, Setting>
