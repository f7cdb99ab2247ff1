/** The catalogue as people see and set it. */
import { actorOf, type Call } from '@clawmesh/chassis'
import { MeshError, masterTenantId, roleIncludes, type Caller } from '@clawmesh/contracts'
import type { ToolSetting, ToolsStore } from '../store/store.ts'
import { catalogue, type CatalogueEntry } from './catalogue.ts'

export type BuiltinTool = CatalogueEntry & Pick<ToolSetting, 'tenantEnabled' | 'createdAt' | 'updatedAt'>

const unknownTool = (name: string) => new MeshError('NOT_FOUND', 'error.not_found', { kind: 'tool', id: name })

/** The built-in tools: what they are comes from the catalogue, how they are set from the table. */
export const createBuiltinSettings = (store: ToolsStore) => {
  const list = async (caller: Caller): Promise<BuiltinTool[]> => {
    const settings = new Map((await store.forTenant(caller.tenantId).settings()).map((tool) => [tool.name, tool]))
    return catalogue
      .flatMap((entry) => {
        const set = settings.get(entry.name)
        return set === undefined ? [] : [{ ...entry, ...set, name: entry.name }]
      })
      .sort((a, b) => a.category.localeCompare(b.category) || a.name.localeCompare(b.name))
  }

  return {
    list,

    /** @throws NOT_FOUND */
    get: async (caller: Caller, name: string): Promise<BuiltinTool> => {
      const found = (await list(caller)).find((tool) => tool.name === name)
      if (found === undefined) throw unknownTool(name)
      return found
    },

    /**
     * Sets a tool for everybody, so only the master tenant and system owners may.
     * @throws FORBIDDEN, INVALID_REQUEST when nothing is named, NOT_FOUND
     */
    update: async (
      call: Call,
      name: string,
      changes: { enabled?: boolean | undefined; settings?: Record<string, unknown> | undefined },
    ): Promise<void> => {
      const { caller } = call
      if (caller.tenantId !== masterTenantId && !roleIncludes(caller.role, 'owner'))
        throw new MeshError('FORBIDDEN', 'error.system_owner_only', { action: 'change built-in tools' })
      const { enabled, settings } = changes
      if (enabled === undefined && settings === undefined)
        throw new MeshError('INVALID_REQUEST', 'error.invalid_updates')
      const given = { ...(enabled === undefined ? {} : { enabled }), ...(settings === undefined ? {} : { settings }) }
      if (!(await store.update(name, given, actorOf(call)))) throw unknownTool(name)
    },
  }
}

export type BuiltinSettings = ReturnType<typeof createBuiltinSettings>
