import type { z } from 'zod'
import type { CallScope } from '../invoke/types.ts'
import type { PortMakers } from '../tool/ports.ts'
import { createPageCache } from './page-cache.ts'
import { createSearch, type SearchSettings } from './search/engines.ts'
import { createPageThreads } from './page-threads.ts'
import { domainPolicyOf, extractorsSchema, type domainSettingsSchema } from './web-access.ts'

/** The web as tools may reach it. @param allow private hosts and ranges that the operator opens */
export const createWebPort = (
  { webDomains, ...searched }: { webDomains: z.output<typeof domainSettingsSchema> } & SearchSettings,
  allow: readonly string[],
) => {
  const cache = createPageCache()
  const policy = domainPolicyOf(webDomains)
  const search = createSearch(searched)
  const threads = createPageThreads()
  const web: NonNullable<PortMakers<CallScope>['web']> = ({ settings }) => {
    const setting = settings.find(({ name }) => name === 'web_fetch')
    return {
      policy,
      allow,
      cache,
      search,
      threads,
      extractors: extractorsSchema.safeParse(setting?.settings['extractors']).data ?? [],
    }
  }
  /** `close` ends the threads that render pages. */
  return { port: web, close: threads.close }
}
