/** All that knows the tables of providers. Keys are sealed here on their way in and opened on their way out. */
import {
  evict,
  isUniqueViolation,
  outboxRow,
  type Actor,
  type Bus,
  type Database,
  type Logger,
  type SecretBox,
} from '@clawmesh/chassis'
import { MeshError } from '@clawmesh/contracts'
import type { Provider, ProviderChanges } from '../domain/provider.ts'
import { PrismaClient, type LlmProvider } from './client/client.ts'
import type { InputJsonObject } from './client/internal/prismaNamespace.ts'
import { providerKeys } from './secrets.ts'

interface StoreParts {
  database: Database
  bus: Bus
  secrets: SecretBox
  log: Logger
  published: () => void
}

/** The providers of a tenant. */
export const createProvidersStore = ({ database, bus, secrets, log, published }: StoreParts) => {
  const client = new PrismaClient(database.tenantClientOptions)

  const forTenant = (tenantId: string) => {
    const prisma = database.clientOf(client, tenantId)
    const place = (rowId: string) => ({ column: providerKeys, tenantId, rowId })
    const seal = (id: string, key: string) => (key === '' ? '' : secrets.seal(key, place(id)))
    const open = (row: LlmProvider): { apiKey: string; enabled: boolean } => {
      if (row.apiKey === '') return { apiKey: '', enabled: row.enabled }
      try {
        return { apiKey: secrets.open(row.apiKey, place(row.id)), enabled: row.enabled }
      } catch (err) {
        // A key that cannot be read must not go out as it is, and must not take the others of the tenant with it.
        log.error({ err, provider: row.name, tenant: tenantId }, 'the key of a provider cannot be opened; it is off')
        return { apiKey: '', enabled: false }
      }
    }
    const toProvider = (row: LlmProvider): Provider => ({
      ...row,
      ...open(row),
      settings: row.settings as Record<string, unknown>,
    })
    const changed = () => {
      published()
      evict(bus, { kind: 'providers', tenantId })
    }
    const taken = (thrown: unknown, name: string) =>
      isUniqueViolation(thrown)
        ? new MeshError('ALREADY_EXISTS', 'error.already_exists', { kind: 'provider', id: name }, { cause: thrown })
        : thrown

    return {
      list: async (): Promise<Provider[]> =>
        (await prisma.llmProvider.findMany({ where: { tenantId }, orderBy: { name: 'asc' } })).map(toProvider),

      find: async (id: string): Promise<Provider | undefined> => {
        const row = await prisma.llmProvider.findFirst({ where: { id, tenantId } })
        return row === null ? undefined : toProvider(row)
      },

      findByName: async (name: string): Promise<Provider | undefined> => {
        const row = await prisma.llmProvider.findFirst({ where: { tenantId, name } })
        return row === null ? undefined : toProvider(row)
      },

      upsert: async (provider: Provider, actor: Actor): Promise<Provider> => {
        const { id, name, displayName, providerType, apiBase, enabled } = provider
        const values = {
          displayName,
          providerType,
          apiBase,
          enabled,
          settings: provider.settings as InputJsonObject,
        }
        try {
          const row = await prisma.$transaction(async (tx) => {
            const stored = await tx.llmProvider.upsert({
              where: { tenantId_name: { tenantId, name } },
              create: { id, tenantId, name, ...values },
              update: values,
            })
            // Only now it is certain which row it is: somebody may have created the same name meanwhile.
            const apiKey = seal(stored.id, provider.apiKey)
            await tx.llmProvider.update({ where: { id: stored.id, tenantId }, data: { apiKey } })
            await tx.outbox.create({ data: outboxRow('providerCreated', tenantId, { id: stored.id, ...actor }) })
            return { ...stored, apiKey }
          })
          changed()
          return toProvider(row)
        } catch (thrown) {
          throw taken(thrown, name)
        }
      },

      update: async (stored: Provider, changes: ProviderChanges, actor: Actor): Promise<void> => {
        const { apiKey, settings, ...plain } = changes
        try {
          await prisma.$transaction(async (tx) => {
            await tx.llmProvider.updateMany({
              where: { id: stored.id, tenantId },
              data: {
                ...plain,
                ...(apiKey === undefined ? {} : { apiKey: seal(stored.id, apiKey) }),
                ...(settings === undefined ? {} : { settings: settings as InputJsonObject }),
              },
            })
            await tx.outbox.create({ data: outboxRow('providerUpdated', tenantId, { id: stored.id, ...actor }) })
          })
        } catch (thrown) {
          throw taken(thrown, changes.name ?? stored.name)
        }
        changed()
      },

      remove: async (id: string, actor: Actor): Promise<void> => {
        const gone = await prisma.$transaction(async (tx) => {
          const { count } = await tx.llmProvider.deleteMany({ where: { id, tenantId } })
          if (count > 0) await tx.outbox.create({ data: outboxRow('providerDeleted', tenantId, { id, ...actor }) })
          return count > 0
        })
        if (gone) changed()
      },
    }
  }

  return { forTenant }
}

export type ProvidersStore = ReturnType<typeof createProvidersStore>
