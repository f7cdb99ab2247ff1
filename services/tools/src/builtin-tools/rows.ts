/** The rows of builtin_tools, which are the installation's, and of builtin_tool_tenant_configs. */
import { event, type ServiceDb } from '@clawmesh/chassis'
import { masterTenantId } from '@clawmesh/contracts'
import type { PrismaClient } from '../db/client/client.ts'
import type { InputJsonObject } from '../db/client/internal/prismaNamespace.ts'
import type { ToolRows } from './use-cases.ts'

export const createToolRows = (db: ServiceDb<PrismaClient>): ToolRows => ({
  seed: (tools) => {
    const rows = JSON.stringify(tools.map(({ name, enabled, settings }) => ({ name, enabled, settings })))
    const names = tools.map(({ name }) => name)
    return db.system.change(async (tx) => {
      // Whoever sets a tool moves its updated_at.
      await tx.$executeRaw`
        INSERT INTO tools.builtin_tools AS stored (name, enabled, settings)
        SELECT name, enabled, settings
        FROM jsonb_to_recordset(${rows}::jsonb) AS seed (name text, enabled boolean, settings jsonb)
        ON CONFLICT (name) DO UPDATE SET enabled = excluded.enabled, settings = excluded.settings
        WHERE stored.updated_at = stored.created_at
          AND (stored.enabled, stored.settings) IS DISTINCT FROM (excluded.enabled, excluded.settings)`
      await tx.builtinTool.deleteMany({ where: { name: { notIn: names } } })
      return { result: undefined }
    })
  },

  update: (name, { enabled, settings }, actor) =>
    db.system.change(async (tx) => {
      const { count } = await tx.builtinTool.updateMany({
        where: { name },
        data: { enabled, settings: settings as InputJsonObject | undefined, updatedAt: new Date() },
      })
      if (count === 0) return { result: false }
      return {
        result: true,
        events: [event('builtinToolUpdated', { id: name, ...actor }, masterTenantId)],
        evict: [{ kind: 'builtin_tools' }],
      }
    }),

  setForTenant: async (tenantId, name, enabled, actor) => {
    if ((await db.system.prisma.builtinTool.count({ where: { name } })) === 0) return false
    return db.forTenant(tenantId).change(async (tx) => {
      await tx.builtinToolTenantConfig.upsert({
        where: { tenantId_toolName: { tenantId, toolName: name } },
        create: { tenantId, toolName: name, enabled },
        update: { enabled, updatedAt: new Date() },
      })
      return {
        result: true,
        events: [event('builtinToolTenantConfigSet', { id: name, enabled, ...actor })],
        evict: [{ kind: 'builtin_tools', tenantId }],
      }
    })
  },

  clearForTenant: (tenantId, name, actor) =>
    db.forTenant(tenantId).change(async (tx) => {
      const { count } = await tx.builtinToolTenantConfig.deleteMany({ where: { tenantId, toolName: name } })
      if (count === 0) return { result: undefined }
      return {
        result: undefined,
        events: [event('builtinToolTenantConfigDeleted', { id: name, ...actor })],
        evict: [{ kind: 'builtin_tools', tenantId }],
      }
    }),

  settingsFor: async (tenantId) => {
    const [tools, overrides] = await Promise.all([
      db.system.prisma.builtinTool.findMany(),
      db.forTenant(tenantId).prisma.builtinToolTenantConfig.findMany({ where: { tenantId } }),
    ])
    const byName = new Map(overrides.map(({ toolName, enabled }) => [toolName, enabled]))
    return tools.map((tool) => ({
      ...tool,
      settings: tool.settings as Record<string, unknown>,
      tenantEnabled: byName.get(tool.name) ?? null,
    }))
  },
})
