/** All that knows identity's tables. Every change is stored with its event, then caches evict. */
import type { Bus, Database, SecretBox } from '@clawmesh/chassis'
import { createApiKeysStore, createKeyLookups } from './api-keys.ts'
import { PrismaClient } from './client/client.ts'
import { createIdempotencyKeysStore } from './idempotency-keys.ts'
import { createMembersStore } from './members.ts'
import { createPairingsStore } from './pairings.ts'
import { createOidcIssuersStore, createOidcLookups } from './oidc-issuers.ts'
import { createSystemConfigsStore } from './system-configs.ts'
import { createTenantsStore } from './tenants.ts'

export interface StoreParts {
  database: Database
  bus: Bus
  secrets: SecretBox
  /** Called after each committed transaction that wrote an event. */
  published: () => void
}

/** Identity's repositories. */
export const createIdentityStore = (parts: StoreParts) => {
  const { systemClientOptions, tenantClientOptions, clientOf } = parts.database
  const system = new PrismaClient(systemClientOptions)
  const client = new PrismaClient(tenantClientOptions)
  const prismaOf = (tenantId: string) => clientOf(client, tenantId)
  return {
    apiKeys: createApiKeysStore({ system, prismaOf }, parts),
    tenants: createTenantsStore(system, parts),
    members: createMembersStore(prismaOf, parts),
    pairings: createPairingsStore(prismaOf, parts),
    oidcIssuers: createOidcIssuersStore(system, parts),
    systemConfigs: createSystemConfigsStore(prismaOf, parts),
    oidc: createOidcLookups(system, parts),
    ...createIdempotencyKeysStore(parts.database, parts.secrets),
    ...createKeyLookups(system),
  }
}

export type IdentityStore = ReturnType<typeof createIdentityStore>
