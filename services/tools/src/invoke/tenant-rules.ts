/** What holds for the tool calls of a tenant: as it has set it, else as the installation is configured. */
import { storedSystemConfigsOf, systemConfigsOf, type Call, type Logger, type Mesh } from '@clawmesh/chassis'
import { z } from 'zod'
import { isKnownProfile } from '../policy/policy.ts'
import type { ToolRules } from '../policy/rules.ts'
import { mostCallsPerHour } from './settings.ts'

export interface TenantRules {
  /** Which tools its agents may use. */
  readonly policy: ToolRules
  /** Tools that one session may call in an hour; 0 is without limit. */
  readonly callsPerHour: number
  /** Whether what only looks like a credential goes from answers, too. */
  readonly scrubs: boolean
}

export type TenantRulesOf = (call: Call) => Promise<TenantRules>

/** A call is not held up longer than this for a rule. */
const answerWithinMs = 1_000

const ownRules = z.object({
  'tools.profile': z
    .string()
    .refine((profile) => profile !== '' && isKnownProfile(profile))
    .optional()
    .catch(undefined),
  'tools.rate_limit_per_hour': z
    .string()
    .regex(/^(?:0|[1-9]\d{0,5})$/)
    .transform(Number)
    .refine((calls) => calls <= mostCallsPerHour)
    .optional()
    .catch(undefined),
  'tools.scrub_credentials': z
    .enum(['true', '1', 'false', '0'])
    .transform((value) => value === 'true' || value === '1')
    .optional()
    .catch(undefined),
})

/** A tenant's system configs over the rules of the installation; a value that makes no sense counts as not set. */
export const tenantRules = (own: Readonly<Record<string, string>>, installation: TenantRules): TenantRules => {
  const values = ownRules.parse(own)
  const profile = values['tools.profile']
  return {
    policy: profile === undefined ? installation.policy : { ...installation.policy, profile },
    callsPerHour: values['tools.rate_limit_per_hour'] ?? installation.callsPerHour,
    scrubs: values['tools.scrub_credentials'] ?? installation.scrubs,
  }
}

/** `stored` reads what `known` remembers, for who keeps what it is told. */
export const createTenantRules = (
  mesh: Pick<Mesh, 'client' | 'cache'>,
  installation: TenantRules,
  log: Logger,
): { known: TenantRulesOf; stored: TenantRulesOf } => {
  const over =
    (systemConfigs: ReturnType<typeof systemConfigsOf>): TenantRulesOf =>
    async (call) => {
      const own = await systemConfigs(call).catch((err: unknown) => {
        const { tenantId } = call.caller
        log.warn({ err, tenantId }, 'system configs could not be read, the configuration of the installation is used')
        return {}
      })
      return tenantRules(own, installation)
    }
  return { known: over(systemConfigsOf(mesh, answerWithinMs)), stored: over(storedSystemConfigsOf(mesh)) }
}
