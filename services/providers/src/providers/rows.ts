/** The rows of llm_providers. Keys are sealed on their way in and opened on their way out. */
import { event, lockName, type Logger, type SecretBox, type SecretColumn, type ServiceDb } from '@clawmesh/chassis'
import type { LlmProvider, PrismaClient } from '../db/client/client.ts'
import type { InputJsonObject } from '../db/client/internal/prismaNamespace.ts'
import type { Provider } from './types.ts'
import type { ProviderRows } from './use-cases.ts'

export const providerKeys: SecretColumn = { table: 'llm_providers', column: 'api_key' }

/** What is checked over all providers of a tenant holds only if nobody else writes one meanwhile. */
export const lockProviders = (tx: Pick<PrismaClient, '$executeRaw'>, tenantId: string): Promise<void> =>
  lockName(tx, 'providers', tenantId)

/** With another key goes what renewed the one before. */
const withNewKey = { refreshToken: '', refreshClaimedUntil: null, keyVersion: { increment: 1 } } as const

interface Parts {
  secrets: SecretBox
  log: Logger
}

export const createProviderRows =
  (db: ServiceDb<PrismaClient>, { secrets, log }: Parts) =>
  (tenantId: string): ProviderRows => {
    const { prisma, change } = db.forTenant(tenantId)
    const place = (rowId: string) => ({ column: providerKeys, tenantId, rowId })
    const seal = (id: string, key: string) => (key === '' ? '' : secrets.seal(key, place(id)))
    const open = (
      row: Pick<LlmProvider, 'id' | 'name' | 'apiKey' | 'enabled'>,
    ): { apiKey: string; enabled: boolean } => {
      if (row.apiKey === '') return { apiKey: '', enabled: row.enabled }
      try {
        return { apiKey: secrets.open(row.apiKey, place(row.id)), enabled: row.enabled }
      } catch (err) {
        // A key that cannot be read must not go out as it is, and must not take the others of the tenant with it.
        log.error({ err, provider: row.name, tenant: tenantId }, 'the key of a provider cannot be opened; it is off')
        return { apiKey: '', enabled: false }
      }
    }
    const toProvider = ({ refreshToken, keyVersion: _version, refreshClaimedUntil: _claim, ...row }: LlmProvider) => ({
      ...row,
      isRenewable: refreshToken !== '',
      ...open(row),
      providerType: row.providerType as Provider['providerType'],
      settings: row.settings as Record<string, unknown>,
    })
    const listIn = async (tx: Pick<PrismaClient, 'llmProvider'>): Promise<Provider[]> =>
      (await tx.llmProvider.findMany({ where: { tenantId }, orderBy: { name: 'asc' } })).map(toProvider)
    const lock = (tx: Pick<PrismaClient, '$executeRaw'>) => lockProviders(tx, tenantId)
    const evict = [{ kind: 'providers', tenantId }] as const

    return {
      list: () => listIn(prisma),

      find: async (id) => {
        const row = await prisma.llmProvider.findFirst({ where: { id, tenantId } })
        return row === null ? undefined : toProvider(row)
      },

      upsert: (make, actor) =>
        change(async (tx) => {
          await lock(tx)
          const all = await listIn(tx)
          const { id, name, apiKey, settings, ...plain } = make(all)
          const keepsKey = all.some((stored) => stored.id === id && stored.apiKey === apiKey)
          const values = { ...plain, apiKey: seal(id, apiKey), settings: settings as InputJsonObject }
          const row = await tx.llmProvider.upsert({
            where: { tenantId_name: { tenantId, name } },
            create: { id, tenantId, name, ...values },
            update: { ...values, ...(keepsKey ? {} : withNewKey) },
          })
          return { result: toProvider(row), events: [event('providerCreated', { id, ...actor })], evict }
        }),

      update: (id, changesFor, actor) => {
        let name = ''
        return change(
          async (tx) => {
            await lock(tx)
            const all = await listIn(tx)
            const stored = all.find((provider) => provider.id === id)
            if (stored === undefined) return { result: false }
            const { apiKey, settings, ...plain } = changesFor(stored, all)
            name = plain.name ?? stored.name
            await tx.llmProvider.update({
              where: { id, tenantId },
              data: {
                ...plain,
                ...(apiKey === undefined ? {} : { apiKey: seal(id, apiKey), ...withNewKey }),
                settings: settings as InputJsonObject | undefined,
              },
            })
            return { result: true, events: [event('providerUpdated', { id, ...actor })], evict }
          },
          { conflict: () => ({ kind: 'provider', id: name }) },
        )
      },

      remove: (id, actor) =>
        change(async (tx) => {
          const { count } = await tx.llmProvider.deleteMany({ where: { id, tenantId } })
          if (count === 0) return { result: undefined }
          return { result: undefined, events: [event('providerDeleted', { id, ...actor })], evict }
        }),
    }
  }
