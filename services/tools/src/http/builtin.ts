import { translate, type http, type Locale } from '@clawmesh/contracts'
import type { Handlers } from '@clawmesh/chassis'
import type { BuiltinSettings, BuiltinTool } from '../domain/builtin-settings.ts'

const toWire = (tool: BuiltinTool, locale: Locale) => ({
  name: tool.name,
  display_name: tool.displayName,
  description: translate(locale, `core.tool.${tool.name}` as const),
  category: tool.category,
  enabled: tool.enabled,
  tenant_enabled: tool.tenantEnabled,
  settings: tool.settings,
  requires: [...tool.requires],
  metadata: tool.metadata,
  created_at: tool.createdAt.toISOString(),
  updated_at: tool.updatedAt.toISOString(),
})

export const createBuiltinHandlers = (
  builtin: BuiltinSettings,
): Handlers<typeof http.tools, 'listBuiltinTools' | 'getBuiltinTool' | 'updateBuiltinTool'> => ({
  listBuiltinTools: async ({ caller }) => ({
    tools: (await builtin.list(caller)).map((tool) => toWire(tool, caller.locale)),
  }),
  getBuiltinTool: async ({ caller, params }) => toWire(await builtin.get(caller, params.name), caller.locale),
  updateBuiltinTool: async ({ call, params, body }) => {
    await builtin.update(call, params.name, body)
    return { status: 'updated' }
  },
})
