import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import type { FindAgent } from '../../agents/types.ts'
import { ownerNamed } from '../../documents/owners.ts'
import { showEntity } from '../shown.ts'
import type { DedupUseCases } from './use-cases.ts'

export const createDedupHttp = (dedup: DedupUseCases, findAgent: FindAgent) =>
  implementHttp(http.kgDedup)({
    scanKgDuplicates: async ({ call, caller, params, query, body }) => {
      const userId = ownerNamed(caller, { body, query })
      const { threshold, limit } = body ?? {}
      const agent = await findAgent(call, params.agentID)
      return { candidatesFound: await dedup.scan(call, agent, { userId, threshold, limit }) }
    },

    listKgDedupCandidates: async ({ call, caller, params, query }) => {
      const userId = ownerNamed(caller, { query })
      const open = await dedup.open(call, await findAgent(call, params.agentID), { userId, limit: query.limit })
      return open.map((candidate) => ({
        ...candidate,
        entityA: showEntity(candidate.entityA),
        entityB: showEntity(candidate.entityB),
        createdAt: Math.floor(candidate.createdAt.getTime() / 1_000),
      }))
    },

    dismissKgDedupCandidate: async ({ call, caller, params, query, body }) => {
      const userId = ownerNamed(caller, { body, query })
      const { candidateId, ids = [] } = body
      const all = candidateId === undefined ? ids : [candidateId, ...ids]
      await dedup.dismiss(call, await findAgent(call, params.agentID), userId, all)
      return { status: 'dismissed' }
    },

    mergeKgEntities: async ({ call, caller, params, query, body: { targetId, sourceId, userId } }) => {
      const owner = ownerNamed(caller, { body: { userId }, query })
      await dedup.merge(call, await findAgent(call, params.agentID), owner, { targetId, sourceId })
      return { status: 'merged' }
    },
  })
