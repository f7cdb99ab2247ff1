import { flag, integer, text, type Setting } from '@clawmesh/chassis'
import { domainSettingsSchema } from './web-access.ts'

export const webSettings = {
  webDomains: {
    env: ['CLAWMESH_WEB_FETCH_POLICY'],
    file: 'tools.web_fetch',
    schema: domainSettingsSchema.prefault({}),
    about: 'Domains that web_fetch may reach, as JSON: policy (allow_all, allowlist), allowed_domains, blocked_domains',
  },
  braveEnabled: {
    env: ['CLAWMESH_BRAVE_ENABLED'],
    file: 'tools.web.brave.enabled',
    schema: flag(true),
    about: 'Search the web with Brave, where there is a key',
  },
  braveKey: {
    env: ['CLAWMESH_BRAVE_API_KEY', 'GOCLAW_BRAVE_API_KEY'],
    file: 'tools.web.brave.api_key',
    schema: text(''),
    about: 'Key of the Brave search API. Without one DuckDuckGo is asked',
    secret: true,
  },
  braveUrl: {
    env: ['CLAWMESH_BRAVE_URL'],
    schema: text('https://api.search.brave.com/res/v1/web/search'),
    about: 'Address of the Brave search API',
  },
  braveMaxResults: {
    env: ['CLAWMESH_BRAVE_MAX_RESULTS'],
    file: 'tools.web.brave.max_results',
    schema: integer(10, 1, 20),
    about: 'Most results of one search with Brave',
  },
  duckDuckGoEnabled: {
    env: ['CLAWMESH_DUCKDUCKGO_ENABLED'],
    file: 'tools.web.duckduckgo.enabled',
    schema: flag(true),
    about: 'Search the web with DuckDuckGo, where Brave does not answer or has no key',
  },
  duckDuckGoUrl: {
    env: ['CLAWMESH_DUCKDUCKGO_URL'],
    schema: text('https://html.duckduckgo.com/html/'),
    about: 'Address of DuckDuckGo’s page without scripts',
  },
  duckDuckGoMaxResults: {
    env: ['CLAWMESH_DUCKDUCKGO_MAX_RESULTS'],
    file: 'tools.web.duckduckgo.max_results',
    schema: integer(10, 1, 20),
    about: 'Most results of one search with DuckDuckGo',
  },
} as const satisfies Record<string, Setting>
