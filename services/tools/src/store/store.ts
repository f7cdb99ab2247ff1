/** All that knows the tables of tools. */
import { evict, outboxRow, type Actor, type Bus, type Database } from '@clawmesh/chassis'
import { masterTenantId } from '@clawmesh/contracts'
import type { CatalogueEntry } from '../domain/catalogue.ts'
import { PrismaClient } from './client/client.ts'
import type { InputJsonObject } from './client/internal/prismaNamespace.ts'

/** A tool as it is set: the row, and what the tenant says. */
export interface ToolSetting {
  name: string
  enabled: boolean
  tenantEnabled: boolean | null
  settings: Record<string, unknown>
  createdAt: Date
  updatedAt: Date
}

interface StoreParts {
  database: Database
  bus: Bus
  published: () => void
}

export const createToolsStore = ({ database, bus, published }: StoreParts) => {
  const system = new PrismaClient(database.systemClientOptions)
  const client = new PrismaClient(database.tenantClientOptions)

  return {
    /** Adds rows that are missing and drops those of tools that are no more; what people have set stays. */
    seed: async (catalogue: readonly CatalogueEntry[]): Promise<void> => {
      await system.builtinTool.createMany({
        data: catalogue.map(({ name, enabled, settings }) => ({
          name,
          enabled,
          settings: settings as InputJsonObject,
        })),
        skipDuplicates: true,
      })
      await system.builtinTool.deleteMany({ where: { name: { notIn: catalogue.map(({ name }) => name) } } })
    },

    /** Sets a tool for the whole installation. False when there is none of that name. */
    update: async (
      name: string,
      changes: { enabled?: boolean; settings?: Record<string, unknown> },
      actor: Actor,
    ): Promise<boolean> => {
      const { enabled, settings } = changes
      const found = await system.$transaction(async (tx) => {
        const { count } = await tx.builtinTool.updateMany({
          where: { name },
          data: {
            ...(enabled === undefined ? {} : { enabled }),
            ...(settings === undefined ? {} : { settings: settings as InputJsonObject }),
            updatedAt: new Date(),
          },
        })
        if (count > 0)
          await tx.outbox.create({ data: outboxRow('builtinToolUpdated', masterTenantId, { id: name, ...actor }) })
        return count > 0
      })
      if (found) {
        published()
        evict(bus, { kind: 'builtin_tools' })
      }
      return found
    },

    forTenant: (tenantId: string) => {
      const prisma = database.clientOf(client, tenantId)
      return {
        settings: async (): Promise<ToolSetting[]> => {
          const [tools, overrides] = await Promise.all([
            system.builtinTool.findMany(),
            prisma.builtinToolTenantConfig.findMany({ where: { tenantId } }),
          ])
          const byName = new Map(overrides.map((override) => [override.toolName, override.enabled]))
          return tools.map((tool) => ({
            ...tool,
            settings: tool.settings as Record<string, unknown>,
            tenantEnabled: byName.get(tool.name) ?? null,
          }))
        },

        /** Records that somebody ran a tool by hand. */
        invoked: async (name: string, actor: Actor): Promise<void> => {
          await prisma.outbox.create({ data: outboxRow('toolInvoked', tenantId, { id: name, ...actor }) })
          published()
        },
      }
    },
  }
}

export type ToolsStore = ReturnType<typeof createToolsStore>
