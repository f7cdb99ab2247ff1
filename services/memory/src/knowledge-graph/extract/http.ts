import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import type { FindAgent } from '../../agents/types.ts'
import { ownerNamed } from '../../documents/owners.ts'
import type { Extract } from './use-cases.ts'

export const createExtractHttp = (extract: Extract, findAgent: FindAgent) =>
  implementHttp(http.kgExtract)({
    extractKg: async ({ call, caller, params, query, body }) => {
      const userId = ownerNamed(caller, { body, query })
      const { text, provider, model, minConfidence = 0 } = body
      const request = { userId, text, provider, model, minConfidence, sourceId: '' }
      return extract(call, await findAgent(call, params.agentID), request)
    },
  })
