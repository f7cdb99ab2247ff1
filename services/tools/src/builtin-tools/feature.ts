/** The built-in tools: what there is, and how the installation and a tenant have set it. */
import type { Feature, Mesh, ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import { catalogueFor, type Lacking } from './catalogue.ts'
import { createBuiltinToolHttp } from './http.ts'
import { createToolRows } from './rows.ts'
import type { ToolSetting } from './types.ts'
import { createBuiltinToolUseCases } from './use-cases.ts'

const cachedTenants = 10_000

/** @param lacking what the installation has not set up */
export const createBuiltinTools = (mesh: Mesh, db: ServiceDb<PrismaClient>, lacking: Lacking) => {
  const rows = createToolRows(db)
  const cache = mesh.cache<ToolSetting[]>('builtin_tools', cachedTenants)
  return {
    http: createBuiltinToolHttp(createBuiltinToolUseCases(rows)),
    parts: [{ name: 'built-in tools', start: () => rows.seed(catalogueFor(lacking)) }],
    /** How each tool is set for a tenant, as the cache knows it. */
    settingsOf: async (tenantId: string) =>
      (await cache.get(tenantId, 'settings', () => rows.settingsFor(tenantId))) ?? [],
    /** The same, read from the rows. */
    storedSettingsOf: rows.settingsFor,
  } satisfies Feature & Record<string, unknown>
}
