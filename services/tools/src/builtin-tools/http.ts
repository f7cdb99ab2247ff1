import { http, translate, type Locale } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import type { BuiltinToolUseCases } from './use-cases.ts'

type Listed = Awaited<ReturnType<BuiltinToolUseCases['get']>>

const describe = (tool: Listed, locale: Locale) => ({
  ...tool,
  description: translate(locale, `core.tool.${tool.name}` as const),
})

export const createBuiltinToolHttp = (tools: BuiltinToolUseCases) =>
  implementHttp(http.builtinTools)({
    listBuiltinTools: async ({ caller }) => ({
      tools: (await tools.list(caller)).map((tool) => describe(tool, caller.locale)),
    }),
    getBuiltinTool: async ({ caller, params }) => describe(await tools.get(caller, params.name), caller.locale),
    updateBuiltinTool: async ({ call, params, body }) => {
      await tools.update(call, params.name, body)
      return { status: 'updated' }
    },
    setBuiltinToolTenantConfig: async ({ call, params, body }) => {
      await tools.setForTenant(call, params.name, body.enabled)
      return { status: 'updated' }
    },
    deleteBuiltinToolTenantConfig: async ({ call, params }) => {
      await tools.clearForTenant(call, params.name)
      return { status: 'deleted' }
    },
  })
