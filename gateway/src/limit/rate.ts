/** How fast runs may be started in a tenant. */
import type { Logger } from '@clawmesh/chassis'
import type { Lookups } from '../admission/lookups.ts'
import type { GatewayConfig } from '../config.ts'
import type { Rate } from './bucket.ts'

/** The rate that holds in a tenant now; undefined where nothing is limited. Never throws. */
export type RateOf = (tenantId: string) => Promise<Rate | undefined>

/**
 * A tenant's own `gateway.rate_limit_rpm` goes before the configuration of the installation, and so it is with 0, which
 * switches the limit off. When it cannot be learnt the installation's holds: a limit is no reason to refuse a run.
 */
export const createRateLookup =
  (
    { rateLimitRpm, rateLimitBurst }: Pick<GatewayConfig, 'rateLimitRpm' | 'rateLimitBurst'>,
    { rateLimitRpm: tenantRpm }: Pick<Lookups, 'rateLimitRpm'>,
    log: Logger,
  ): RateOf =>
  async (tenantId) => {
    const own = await tenantRpm(tenantId).catch((err: unknown) => {
      log.warn({ err, tenantId }, "a tenant's rate limit could not be read, the installation's is used")
      return undefined
    })
    const rpm = own ?? rateLimitRpm()
    return rpm <= 0 ? undefined : { intervalMs: 60_000 / rpm, burst: rateLimitBurst() }
  }
