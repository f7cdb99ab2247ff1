/** All that knows identity's tables. Every change is stored with its event, then caches are told to forget. */
import type { Bus, Database } from '@clawmesh/chassis'
import { apiKeysStore, keyLookups } from './api-keys.ts'
import { PrismaClient } from './client/client.ts'
import { membersStore } from './members.ts'
import { pairingsStore } from './pairings.ts'
import { oidcIssuersStore, oidcLookups } from './oidc-issuers.ts'
import { systemConfigsStore } from './system-configs.ts'
import { tenantsStore } from './tenants.ts'

export interface StoreParts {
  database: Database
  bus: Bus
  /** Called after each committed transaction that wrote an event. */
  published: () => void
}

/** Identity's repositories. */
export const identityStore = (parts: StoreParts) => {
  const prisma = new PrismaClient({ adapter: parts.database.adapter })
  return {
    apiKeys: apiKeysStore(prisma, parts),
    tenants: tenantsStore(prisma, parts),
    members: membersStore(prisma, parts),
    pairings: pairingsStore(prisma, parts),
    oidcIssuers: oidcIssuersStore(prisma, parts),
    systemConfigs: systemConfigsStore(prisma, parts),
    oidc: oidcLookups(prisma, parts),
    ...keyLookups(prisma),
  }
}

export type IdentityStore = ReturnType<typeof identityStore>
