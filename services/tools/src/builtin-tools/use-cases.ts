/** The catalogue as people see and set it. */
import { actorOf, type Actor, type Call } from '@clawmesh/chassis'
import { MeshError, masterTenantId, roleIncludes, type Caller } from '@clawmesh/contracts'
import type { BuiltinTool } from '../tool/define-tool.ts'
import { requirementsOf } from '../tool/ports.ts'
import { catalogue } from './catalogue.ts'
import type { ListedTool, ToolChanges, ToolSetting } from './types.ts'

/** The settings of the installation. */
export interface ToolRows {
  /**
   * Adds rows that are missing, drops those of tools that are no more, and brings those that nobody has set to their
   * defaults; what people have set stays.
   */
  seed: (tools: readonly Pick<BuiltinTool, 'name' | 'enabled' | 'settings'>[]) => Promise<void>
  /** Sets a tool for the whole installation. False when there is none of that name. */
  update: (name: string, changes: ToolChanges, actor: Actor) => Promise<boolean>
  /** What a tenant says about a tool. False when there is none of that name. */
  setForTenant: (tenantId: string, name: string, enabled: boolean, actor: Actor) => Promise<boolean>
  /** Takes back what a tenant has said, if it has. */
  clearForTenant: (tenantId: string, name: string, actor: Actor) => Promise<void>
  /** How each tool is set for a tenant. */
  settingsFor: (tenantId: string) => Promise<ToolSetting[]>
}

const unknownTool = (name: string) => new MeshError('NOT_FOUND', 'error.not_found', { kind: 'tool', id: name })

export const createBuiltinToolUseCases = (rows: ToolRows) => {
  const list = async ({ tenantId }: Caller): Promise<(ListedTool & Pick<BuiltinTool, 'name'>)[]> => {
    const settings = new Map((await rows.settingsFor(tenantId)).map((setting) => [setting.name, setting]))
    return catalogue
      .flatMap((entry) => {
        const setting = settings.get(entry.name)
        return setting === undefined
          ? []
          : [{ ...entry, ...setting, name: entry.name, requires: requirementsOf(entry) }]
      })
      .sort((a, b) => a.category.localeCompare(b.category) || a.name.localeCompare(b.name))
  }

  return {
    list,

    /** @throws NOT_FOUND */
    get: async (caller: Caller, name: string) => {
      const found = (await list(caller)).find((tool) => tool.name === name)
      if (found === undefined) throw unknownTool(name)
      return found
    },

    /**
     * Sets a tool for everybody, so only the master tenant and system owners may.
     * @throws FORBIDDEN, INVALID_REQUEST when nothing is named, NOT_FOUND
     */
    update: async (call: Call, name: string, changes: ToolChanges): Promise<void> => {
      const { caller } = call
      if (caller.tenantId !== masterTenantId && !roleIncludes(caller.role, 'owner'))
        throw new MeshError('FORBIDDEN', 'error.system_owner_only', { action: 'change built-in tools' })
      if (changes.enabled === undefined && changes.settings === undefined)
        throw new MeshError('INVALID_REQUEST', 'error.invalid_updates')
      if (!(await rows.update(name, changes, actorOf(call)))) throw unknownTool(name)
    },

    /** Switches a tool off or on for the caller's tenant; what the installation has switched off stays off. @throws NOT_FOUND */
    setForTenant: async (call: Call, name: string, enabled: boolean): Promise<void> => {
      if (!(await rows.setForTenant(call.caller.tenantId, name, enabled, actorOf(call)))) throw unknownTool(name)
    },

    clearForTenant: (call: Call, name: string): Promise<void> =>
      rows.clearForTenant(call.caller.tenantId, name, actorOf(call)),
  }
}

export type BuiltinToolUseCases = ReturnType<typeof createBuiltinToolUseCases>
