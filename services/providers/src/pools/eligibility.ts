/** Whether accounts can serve, as their usage said a moment ago. */
import type { Cache, Logger } from '@clawmesh/chassis'
import type { ProviderConnection } from '../providers/connection.ts'
import type { AccountUsage } from '../accounts/usage.ts'
import { eligibilityOf, type Eligibility } from './pool.ts'

/** Older answers are still given, while one asks anew. */
const freshMs = 20_000

interface Known {
  eligibility: Eligibility
  askedAt: number
}

interface Parts {
  usageOf: (connection: ProviderConnection) => Promise<AccountUsage>
  /** Evicted when a provider of the tenant changes: with each sign-in, sign-out and renewed token. */
  cache: Cache<Known>
  log: Logger
}

export const createEligibility = ({ usageOf, cache, log }: Parts) => {
  const ask = async (connection: ProviderConnection): Promise<Eligibility> => {
    try {
      return eligibilityOf(await usageOf(connection))
    } catch (err) {
      log.warn({ err, provider: connection.name }, 'whether an account can serve is not known')
      return { state: 'unknown', reason: 'unavailable' }
    }
  }

  const refresh = async (connection: ProviderConnection, known: Known): Promise<void> => {
    known.askedAt = Date.now()
    known.eligibility = await ask(connection)
  }

  return async (connection: ProviderConnection): Promise<Eligibility> => {
    const load = async (): Promise<Known> => ({ eligibility: await ask(connection), askedAt: Date.now() })
    const known = (await cache.get(connection.account!.tenantId, `eligibility ${connection.id}`, load))!
    if (Date.now() - known.askedAt > freshMs) void refresh(connection, known)
    return known.eligibility
  }
}
