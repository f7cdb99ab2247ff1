import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import type { FindAgent } from '../../agents/types.ts'
import { ownerNamed } from '../../documents/owners.ts'
import { graphScope } from '../scope.ts'
import { showEntity, showRelation } from '../shown.ts'
import type { GraphUseCases } from './use-cases.ts'

export const createGraphHttp = (graph: GraphUseCases, findAgent: FindAgent) =>
  implementHttp(http.kgGraph)({
    traverseKg: async ({ call, caller, params, query, body }) => {
      const userId = ownerNamed(caller, { body, query })
      const agent = await findAgent(call, params.agentID)
      const scope = graphScope(call, agent, userId)
      const reached = await graph.walk(call, scope, graph.startOf(body), body.maxDepth ?? 0)
      return reached.map(({ entity, ...rest }) => ({ ...rest, entity: showEntity(entity) }))
    },

    getKgStats: async ({ call, caller, params, query }) => {
      const userId = ownerNamed(caller, { query })
      const { entities, relations, types } = await graph.counts(call, await findAgent(call, params.agentID), userId)
      return { entityCount: entities, relationCount: relations, entityTypes: types }
    },

    getKgGraph: async ({ call, caller, params, query }) => {
      const userId = ownerNamed(caller, { query })
      const agent = await findAgent(call, params.agentID)
      const { entities, relations } = await graph.newest(call, agent, { userId, limit: query.limit })
      return { entities: entities.map(showEntity), relations: relations.map(showRelation) }
    },
  })
