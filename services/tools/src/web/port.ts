import type { z } from 'zod'
import type { CallScope } from '../invoke/types.ts'
import type { PortMakers } from '../tool/ports.ts'
import { createPageCache } from './page-cache.ts'
import { createPageThreads } from './page-threads.ts'
import { domainPolicyOf, extractorsSchema, type domainSettingsSchema } from './web-access.ts'

/** The web as tools may reach it. @param allow private hosts and ranges that the operator opens */
export const createWebPort = (domains: z.output<typeof domainSettingsSchema>, allow: readonly string[]) => {
  const cache = createPageCache()
  const policy = domainPolicyOf(domains)
  const threads = createPageThreads()
  const web: NonNullable<PortMakers<CallScope>['web']> = ({ settings }) => {
    const setting = settings.find(({ name }) => name === 'web_fetch')
    return {
      policy,
      allow,
      cache,
      threads,
      extractors: extractorsSchema.safeParse(setting?.settings['extractors']).data ?? [],
    }
  }
  /** `close` ends the threads that render pages. */
  return { port: web, close: threads.close }
}
