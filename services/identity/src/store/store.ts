/** All that knows identity's tables. Every change is stored with its event, then caches are told to forget. */
import type { Bus, Database, SecretBox } from '@clawmesh/chassis'
import { apiKeysStore, keyLookups } from './api-keys.ts'
import { PrismaClient } from './client/client.ts'
import { idempotencyKeysStore } from './idempotency-keys.ts'
import { membersStore } from './members.ts'
import { pairingsStore } from './pairings.ts'
import { oidcIssuersStore, oidcLookups } from './oidc-issuers.ts'
import { systemConfigsStore } from './system-configs.ts'
import { tenantsStore } from './tenants.ts'

export interface StoreParts {
  database: Database
  bus: Bus
  secrets: SecretBox
  /** Called after each committed transaction that wrote an event. */
  published: () => void
}

/** Identity's repositories. */
export const identityStore = (parts: StoreParts) => {
  const { systemClientOptions, tenantClientOptions, clientOf } = parts.database
  const system = new PrismaClient(systemClientOptions)
  const client = new PrismaClient(tenantClientOptions)
  const prismaOf = (tenantId: string) => clientOf(client, tenantId)
  return {
    apiKeys: apiKeysStore({ system, prismaOf }, parts),
    tenants: tenantsStore(system, parts),
    members: membersStore(prismaOf, parts),
    pairings: pairingsStore(prismaOf, parts),
    oidcIssuers: oidcIssuersStore(system, parts),
    systemConfigs: systemConfigsStore(prismaOf, parts),
    oidc: oidcLookups(system, parts),
    ...idempotencyKeysStore(parts.database, parts.secrets),
    ...keyLookups(system),
  }
}

export type IdentityStore = ReturnType<typeof identityStore>
