import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import type { FindAgent } from '../../agents/types.ts'
import { ownerNamed } from '../../documents/owners.ts'
import { graphScope } from '../scope.ts'
import { showEntity, showRelation } from '../shown.ts'
import type { EntityUseCases } from './use-cases.ts'

export const createEntityHttp = (entities: EntityUseCases, findAgent: FindAgent) =>
  implementHttp(http.kgEntities)({
    listKgEntities: async ({ call, caller, params, query }) => {
      const userId = ownerNamed(caller, { query })
      const agent = await findAgent(call, params.agentID)
      const { q = '', type, limit, offset } = query
      const found =
        q.trim() === ''
          ? await entities.list(call, agent, { userId, type: type || undefined, limit, offset })
          : await entities.search(call, agent, graphScope(call, agent, userId), { query: q, limit })
      return found.map(showEntity)
    },

    upsertKgEntity: async ({ call, caller, params, query, body: { userId: _, ...entity }, body }) => {
      const owner = ownerNamed(caller, { body, query })
      return { status: 'ok', id: await entities.put(call, await findAgent(call, params.agentID), owner, entity) }
    },

    getKgEntity: async ({ call, caller, params, query }) => {
      const userId = ownerNamed(caller, { query })
      const agent = await findAgent(call, params.agentID)
      const { entity, relations } = await entities.get(call, agent, params.entityID, userId)
      return { entity: showEntity(entity), relations: relations.map(showRelation) }
    },

    deleteKgEntity: async ({ call, caller, params, query }) => {
      const userId = ownerNamed(caller, { query })
      await entities.remove(call, await findAgent(call, params.agentID), params.entityID, userId)
      return { status: 'deleted' }
    },
  })
