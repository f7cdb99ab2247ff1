import type { ApiKey, Lookups, OidcIssuer, Tenant } from '../../src/admission/lookups.ts'
import { hashOf } from '../../src/admission/credentials.ts'

export interface KnownThings {
  keys?: Record<string, Partial<ApiKey>>
  tenants?: readonly Tenant[]
  /** `<tenant id> <user id>` */
  members?: readonly string[]
  /** When the pairing of `<tenant id> <sender id>` ends, Unix milliseconds. */
  pairings?: Readonly<Record<string, number>>
  /** Read at each lookup, so that a test may change it. */
  oidcIssuers?: readonly OidcIssuer[]
  /** What asking anew for an issuer finds; else the same. */
  renewed?: () => OidcIssuer | undefined
}

/** Lookups over what a test lists. `asked` collects the hashes of the keys that were looked up, `askedAnew` the issuers. */
export const listedLookups = ({
  keys = {},
  tenants = [],
  members = [],
  pairings = {},
  oidcIssuers = [],
  renewed,
}: KnownThings) => {
  const asked: string[] = []
  const askedAnew: string[] = []
  const findIssuer = (name: string, audience: string) =>
    oidcIssuers.find(({ issuer, audiences }) => issuer === name && audiences.includes(audience))
  const byHash = new Map(
    Object.entries(keys).map(([secret, key]) => [
      hashOf(secret),
      {
        keyId: '',
        tenantId: '',
        scopes: [],
        ownerId: '',
        expiresAtMs: 0,
        rateLimitRpm: 0,
        maxConcurrentRuns: 0,
        ...key,
      },
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
      return expiresAtMs === undefined ? undefined : { expiresAtMs, userId: '' }
    },
    bindPairing: async (_tenantId, _senderId, userId) => userId,
    oidcIssuer: async (name, audience) => findIssuer(name, audience),
    oidcIssuerAnew: async (name, audience) => {
      askedAnew.push(`${name} ${audience}`)
      return renewed === undefined ? findIssuer(name, audience) : renewed()
    },
    onInvalidation: () => undefined,
    rateLimitRpm: async () => undefined,
    answers: async () => true,
  }
  return { ...lookups, asked, askedAnew }
}
