import type { ApiKey, Lookups, Tenant } from '../../src/admission/lookups.ts'
import { hashOf } from '../../src/admission/claim.ts'

export interface KnownThings {
  keys?: Record<string, Partial<ApiKey>>
  tenants?: readonly Tenant[]
  /** `<tenant id> <user id>` */
  members?: readonly string[]
  /** When the pairing of `<tenant id> <sender id>` ends, Unix milliseconds. */
  pairings?: Readonly<Record<string, number>>
}

/** Lookups over what a test lists. `asked` collects the hashes of the keys that were looked up. */
export const listedLookups = ({ keys = {}, tenants = [], members = [], pairings = {} }: KnownThings) => {
  const asked: string[] = []
  const byHash = new Map(
    Object.entries(keys).map(([secret, key]) => [
      hashOf(secret),
      { tenantId: '', scopes: [], ownerId: '', expiresAtMs: 0, ...key },
    ]),
  )
  const lookups: Lookups = {
    apiKey: async (hash) => {
      asked.push(hash)
      return byHash.get(hash)
    },
    tenant: async (reference) => tenants.find(({ id, slug }) => id === reference || slug === reference),
    isMember: async (tenantId, userId) => members.includes(`${tenantId} ${userId}`),
    pairing: async (tenantId, senderId) => {
      const expiresAtMs = pairings[`${tenantId} ${senderId}`]
      return expiresAtMs === undefined ? undefined : { expiresAtMs }
    },
    onForget: () => undefined,
    rateLimitRpm: async () => undefined,
    answers: async () => true,
  }
  return { ...lookups, asked }
}
