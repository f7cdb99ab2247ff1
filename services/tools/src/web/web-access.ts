/** What an operator says about fetching pages, in the shape the web tools use. */
import { z } from 'zod'
import type { DomainPolicy, Resolve } from '@clawmesh/chassis/fetch'
import type { PageCache } from './page-cache.ts'
import type { Search } from './search/engines.ts'
import type { PageThreads } from './page-threads.ts'

/** The settings of web_fetch in the catalogue. */
export const extractorsSchema = z.array(
  z.object({
    name: z.string(),
    enabled: z.boolean().default(false),
    /** Seconds; 0 leaves the extractor's own. */
    timeout: z.number().min(0).default(0),
    /** Attempts in total. */
    max_retries: z.number().min(0).default(1),
    base_url: z.string().optional(),
  }),
)
export type ExtractorSetting = z.output<typeof extractorsSchema>[number]

/** `config.tools.web_fetch`. */
export const domainSettingsSchema = z.object({
  policy: z.enum(['allow_all', 'allowlist']).default('allow_all'),
  allowed_domains: z.array(z.string()).default([]),
  blocked_domains: z.array(z.string()).default([]),
})

/** The block list always holds, the allow list only under the policy `allowlist`. */
export const domainPolicyOf = (settings: z.output<typeof domainSettingsSchema>): DomainPolicy => ({
  blockedDomains: settings.blocked_domains,
  ...(settings.policy === 'allowlist' ? { allowedDomains: settings.allowed_domains } : {}),
})

export interface WebAccess {
  policy: DomainPolicy
  extractors: readonly ExtractorSetting[]
  /** Private hosts and ranges that the operator opens. */
  allow?: readonly string[] | undefined
  cache: PageCache
  search: Search
  /** Where pages are rendered. */
  threads: PageThreads
  /** Instead of the system's resolver. */
  resolve?: Resolve | undefined
}
