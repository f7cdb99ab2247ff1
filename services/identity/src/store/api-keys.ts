import { cacheTags, masterTenantId } from '@clawmesh/contracts'
import { evict, outboxRow, type Actor } from '@clawmesh/chassis'
import type { ApiKey, NewApiKeyRow } from '../domain/types.ts'
import type { ApiKey as ApiKeyRow, PrismaClient } from './client/client.ts'
import type { StoreParts } from './store.ts'

const toApiKey = (row: ApiKeyRow): ApiKey => ({ ...row, scopes: row.scopes as ApiKey['scopes'] })

/** What is decided about the replacement of a key. */
export interface Rotation {
  previousExpiresAt: Date
  successor: NewApiKeyRow
}

interface Clients {
  system: PrismaClient
  prismaOf: (tenantId: string) => PrismaClient
}

/** Whose event it is what happens to a key: its tenant's, or for a system key the master tenant's. */
const eventTenantOf = ({ tenantId }: Pick<NewApiKeyRow, 'tenantId'>): string => tenantId ?? masterTenantId

/** The API keys of a tenant, and those of the system where they are included. */
export const createApiKeysStore = ({ system, prismaOf }: Clients, { bus, published }: StoreParts) => {
  const evictKey = (keyHash: string) => evict(bus, cacheTags.apiKey(keyHash))

  return (tenantId: string) => {
    const clientFor = (includeSystemKeys: boolean) => (includeSystemKeys ? system : prismaOf(tenantId))
    const reached = (includeSystemKeys: boolean) => ({
      OR: [{ tenantId }, ...(includeSystemKeys ? [{ tenantId: null }] : [])],
    })

    return {
      list: async (includeSystemKeys: boolean): Promise<ApiKey[]> => {
        const rows = await clientFor(includeSystemKeys).apiKey.findMany({
          where: reached(includeSystemKeys),
          orderBy: { createdAt: 'desc' },
        })
        return rows.map(toApiKey)
      },

      insert: async (key: NewApiKeyRow, actor: Actor): Promise<ApiKey> => {
        // System owners make keys of the system, and of other tenants than their own.
        const row = await clientFor(key.tenantId !== tenantId).$transaction(async (tx) => {
          const created = await tx.apiKey.create({ data: key })
          await tx.outbox.create({ data: outboxRow('apiKeyCreated', eventTenantOf(key), { id: key.id, ...actor }) })
          return created
        })
        published()
        // A key tried before it existed is remembered as unknown.
        evictKey(key.keyHash)
        return toApiKey(row)
      },

      /**
       * Stores the successor that `plan` makes of a key and the key's own end, both or neither. While it plans nobody
       * else changes the key; what it throws changes nothing. Undefined when there is no such key.
       */
      rotate: async (
        id: string,
        includeSystemKeys: boolean,
        actor: Actor,
        plan: (old: ApiKey) => Rotation,
      ): Promise<{ apiKey: ApiKey; previousExpiresAt: Date } | undefined> => {
        const rotated = await clientFor(includeSystemKeys).$transaction(async (tx) => {
          await tx.$queryRaw`SELECT id FROM identity.api_keys WHERE id = ${id}::uuid FOR UPDATE`
          const old = await tx.apiKey.findFirst({ where: { id, ...reached(includeSystemKeys) } })
          if (old === null) return undefined
          const { previousExpiresAt, successor } = plan(toApiKey(old))
          const created = await tx.apiKey.create({ data: successor })
          await tx.apiKey.update({ where: { id }, data: { expiresAt: previousExpiresAt, rotatedTo: successor.id } })
          const told = { id, newId: successor.id, previousExpiresAt: previousExpiresAt.toISOString(), ...actor }
          await tx.outbox.create({ data: outboxRow('apiKeyRotated', eventTenantOf(old), told) })
          return { old, created, previousExpiresAt }
        })
        if (rotated === undefined) return undefined
        const { old, created, previousExpiresAt } = rotated
        published()
        evictKey(old.keyHash)
        evictKey(created.keyHash)
        return { apiKey: toApiKey(created), previousExpiresAt }
      },

      /** False when there is no such key. */
      revoke: async (id: string, includeSystemKeys: boolean, actor: Actor): Promise<boolean> => {
        const revoked = await clientFor(includeSystemKeys).$transaction(async (tx) => {
          const row = await tx.apiKey.findFirst({ where: { id, ...reached(includeSystemKeys) } })
          if (row === null) return undefined
          await tx.apiKey.update({ where: { id }, data: { revoked: true } })
          await tx.outbox.create({ data: outboxRow('apiKeyRevoked', eventTenantOf(row), { id, ...actor }) })
          return row
        })
        if (revoked === undefined) return false
        published()
        evictKey(revoked.keyHash)
        return true
      },
    }
  }
}

/** What the edge asks about keys, whose tenant it does not know yet. */
export const createKeyLookups = (system: PrismaClient) => ({
  findApiKey: async (keyHash: string): Promise<ApiKey | undefined> => {
    const row = await system.apiKey.findUnique({ where: { keyHash } })
    return row === null ? undefined : toApiKey(row)
  },

  /** Notes that a key was used; being used is no change of it. Never fails: nobody waits for it. */
  touchApiKey: async (id: string): Promise<void> => {
    try {
      await system.$executeRaw`UPDATE identity.api_keys SET last_used_at = now() WHERE id = ${id}::uuid`
    } catch {
      // The next use will be noted.
    }
  },
})
