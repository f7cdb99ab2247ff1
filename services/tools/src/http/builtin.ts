import type { http } from '@clawmesh/contracts'
import type { Handlers } from '@clawmesh/chassis'
import type { BuiltinSettings, BuiltinTool } from '../domain/builtin-settings.ts'

const toWire = (tool: BuiltinTool) => ({
  name: tool.name,
  display_name: tool.displayName,
  description: tool.description,
  category: tool.category,
  enabled: tool.enabled,
  tenant_enabled: tool.tenantEnabled,
  settings: tool.settings,
  requires: [...tool.requires],
  metadata: tool.metadata,
  created_at: tool.createdAt.toISOString(),
  updated_at: tool.updatedAt.toISOString(),
})

export const builtinHandlers = (
  builtin: BuiltinSettings,
): Handlers<typeof http.tools, 'listBuiltinTools' | 'getBuiltinTool' | 'updateBuiltinTool'> => ({
  listBuiltinTools: async ({ caller }) => ({ tools: (await builtin.list(caller)).map(toWire) }),
  getBuiltinTool: async ({ caller, params }) => toWire(await builtin.get(caller, params.name)),
  updateBuiltinTool: async ({ call, params, body }) => {
    await builtin.update(call, params.name, body)
    return { status: 'updated' }
  },
})
