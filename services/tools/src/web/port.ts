import type { z } from 'zod'
import type { CallScope } from '../invoke/types.ts'
import type { PortMakers } from '../tool/ports.ts'
import { createPageCache } from './page-cache.ts'
import { domainPolicyOf, extractorsSchema, type domainSettingsSchema } from './web-access.ts'

/** The web as tools may reach it. @param allow private hosts and ranges that the operator opens */
export const createWebPort = (domains: z.output<typeof domainSettingsSchema>, allow: readonly string[]) => {
  const cache = createPageCache()
  const policy = domainPolicyOf(domains)
  return {
    web: ({ settings }) => {
      const setting = settings.find(({ name }) => name === 'web_fetch')
      return {
        policy,
        allow,
        cache,
        extractors: extractorsSchema.safeParse(setting?.settings['extractors']).data ?? [],
      }
    },
  } satisfies PortMakers<CallScope>
}
