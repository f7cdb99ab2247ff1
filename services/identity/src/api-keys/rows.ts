/** The API keys of a tenant, and those of the system. */
import { cacheTags, masterTenantId } from '@clawmesh/contracts'
import { event, type ServiceDb } from '@clawmesh/chassis'
import type { ApiKey as ApiKeyRow, PrismaClient } from '../db/client/client.ts'
import type { ApiKey, NewApiKeyRow } from './types.ts'
import type { ApiKeyLookups, ApiKeyRows } from './use-cases.ts'

const toApiKey = (row: ApiKeyRow): ApiKey => ({ ...row, scopes: row.scopes as ApiKey['scopes'] })
const toRow = (key: NewApiKeyRow) => ({ ...key, scopes: [...key.scopes] })

/** Whose event it is what happens to a key: its tenant's, or for a system key the master tenant's. */
const eventTenantOf = ({ tenantId }: Pick<NewApiKeyRow, 'tenantId'>): string => tenantId ?? masterTenantId

export const createApiKeyRows =
  (db: ServiceDb<PrismaClient>) =>
  (tenantId: string): ApiKeyRows => {
    const scopeFor = (includeSystemKeys: boolean) => (includeSystemKeys ? db.system : db.forTenant(tenantId))
    const reached = (includeSystemKeys: boolean) => ({
      OR: [{ tenantId }, ...(includeSystemKeys ? [{ tenantId: null }] : [])],
    })

    return {
      list: async (includeSystemKeys) => {
        const rows = await scopeFor(includeSystemKeys).prisma.apiKey.findMany({
          where: reached(includeSystemKeys),
          orderBy: { createdAt: 'desc' },
        })
        return rows.map(toApiKey)
      },

      insert: (key, actor) =>
        // System owners make keys of the system, and of other tenants than their own.
        scopeFor(key.tenantId !== tenantId).change(async (tx) => ({
          result: toApiKey(await tx.apiKey.create({ data: toRow(key) })),
          events: [event('apiKeyCreated', { id: key.id, ...actor }, eventTenantOf(key))],
          // A key tried before it existed is remembered as unknown.
          evict: [cacheTags.apiKey(key.keyHash)],
        })),

      rotate: (id, includeSystemKeys, actor, plan) =>
        scopeFor(includeSystemKeys).change(async (tx) => {
          await tx.$queryRaw`SELECT id FROM identity.api_keys WHERE id = ${id}::uuid FOR UPDATE`
          const old = await tx.apiKey.findFirst({ where: { id, ...reached(includeSystemKeys) } })
          if (old === null) return { result: undefined }
          const { previousExpiresAt, successor } = plan(toApiKey(old))
          const created = await tx.apiKey.create({ data: toRow(successor) })
          await tx.apiKey.update({ where: { id }, data: { expiresAt: previousExpiresAt, rotatedTo: successor.id } })
          const data = { id, newId: successor.id, previousExpiresAt: previousExpiresAt.toISOString(), ...actor }
          return {
            result: { apiKey: toApiKey(created), previousExpiresAt },
            events: [event('apiKeyRotated', data, eventTenantOf(old))],
            evict: [cacheTags.apiKey(old.keyHash), cacheTags.apiKey(created.keyHash)],
          }
        }),

      revoke: (id, includeSystemKeys, actor) =>
        scopeFor(includeSystemKeys).change(async (tx) => {
          const row = await tx.apiKey.findFirst({ where: { id, ...reached(includeSystemKeys) } })
          if (row === null) return { result: false }
          await tx.apiKey.update({ where: { id }, data: { revoked: true } })
          return {
            result: true,
            events: [event('apiKeyRevoked', { id, ...actor }, eventTenantOf(row))],
            evict: [cacheTags.apiKey(row.keyHash)],
          }
        }),
    }
  }

export const createApiKeyLookups = (db: ServiceDb<PrismaClient>): ApiKeyLookups => {
  const { prisma } = db.system
  return {
    find: async (keyHash) => {
      const row = await prisma.apiKey.findUnique({ where: { keyHash } })
      return row === null ? undefined : toApiKey(row)
    },

    touch: async (id) => {
      try {
        await prisma.$executeRaw`UPDATE identity.api_keys SET last_used_at = now() WHERE id = ${id}::uuid`
      } catch {
        // The next use will be noted.
      }
    },
  }
}
