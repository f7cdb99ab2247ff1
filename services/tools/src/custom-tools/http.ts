import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import type { CustomToolUseCases } from './use-cases.ts'

export const createCustomToolHttp = (tools: CustomToolUseCases) =>
  implementHttp(http.customTools)({
    listCustomTools: async ({ caller, query }) => {
      const { limit, offset } = query
      return { ...(await tools.page(caller, query)), limit, offset }
    },
    createCustomTool: ({ call, body }) => tools.create(call, body),
    getCustomTool: ({ caller, params }) => tools.get(caller, params.id),
    updateCustomTool: async ({ call, params, body }) => {
      await tools.update(call, params.id, body)
      return { status: 'updated' }
    },
    deleteCustomTool: async ({ call, params }) => {
      await tools.remove(call, params.id)
      return { status: 'deleted' }
    },
  })
