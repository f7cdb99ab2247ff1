import { z } from 'zod'
import { page, statusIs, uuid } from '../common.ts'
import { defineHttpTable } from '../operation.ts'
import { graphOwnerRules, graphRules, kgEntity } from './knowledge-graph.ts'
import { agentParams, owner, ownerInBody, ownerQuery, ownerRules } from './shared.ts'

export const kgDedup = defineHttpTable('memory', {
  scanKgDuplicates: {
    method: 'POST',
    path: '/v1/agents/{agentID}/kg/dedup/scan',
    role: 'operator',
    summary: 'Compare embedded entities and record likely duplicates',
    rules: {
      ...ownerRules,
      ...graphRules,
      comparesByMeaning:
        'Pairs of one type and one owner whose vectors are more alike than `threshold` become candidates, the most alike first, at most `limit`',
      comparesTheLatest: 'Of a graph of more than 2000 entities those that changed last are compared',
      hasDefaults: 'A threshold of zero or less is 0.9, a limit of zero or less is 100; an empty body takes both',
      recordsAPairOnce:
        'A pair that is recorded already, whatever became of it, stays as it is and is counted all the same',
    },
    params: agentParams,
    query: ownerQuery,
    body: z
      .object({
        threshold: z.number().max(1).optional(),
        limit: z.number().int().max(1_000).optional(),
        ...owner,
      })
      .optional(),
    response: { 200: z.object({ candidates_found: z.number().int() }) },
    errors: [400, 404],
  },
  listKgDedupCandidates: {
    method: 'GET',
    path: '/v1/agents/{agentID}/kg/dedup',
    role: 'viewer',
    summary: 'Pairs of entities that may be one',
    rules: {
      ...ownerRules,
      ...graphRules,
      ...graphOwnerRules,
      listsOpenOnes: 'Answers an array of the pairs that wait for a decision, the most alike first, then the youngest',
      tellsSeconds: '`created_at` of a pair counts seconds; the times of its entities count milliseconds',
      capsThePage: 'A limit above 1000 is 1000; zero, a negative or an unreadable one is refused',
    },
    params: agentParams,
    query: ownerQuery.extend({ limit: page(50, 1_000).limit }),
    queryInBody: ownerInBody,
    response: {
      200: z.array(
        z.object({
          id: uuid,
          entity_a: kgEntity,
          entity_b: kgEntity,
          similarity: z.number(),
          status: z.enum(['pending', 'merged', 'dismissed']),
          created_at: z.number().int().describe('Seconds since 1970'),
        }),
      ),
    },
    errors: [404],
  },
  dismissKgDedupCandidate: {
    method: 'POST',
    path: '/v1/agents/{agentID}/kg/dedup/dismiss',
    role: 'operator',
    summary: 'Decide that a pair is no duplicate',
    rules: {
      ...ownerRules,
      ...graphRules,
      requiresAnId: 'A request without `candidate_id` and without `ids` is refused',
      closesThePair: 'The pair is listed no more, and a later scan does not bring it back',
      takesSeveral:
        '`ids` are several pairs at once; those that are open are dismissed, 404 is answered only if none was',
      answersDecided404: 'A pair that is unknown, decided, or of an owner whom the caller may not name is answered 404',
    },
    params: agentParams,
    query: ownerQuery,
    body: z.object({
      candidate_id: uuid.optional(),
      ids: z.array(uuid).max(1_000).optional().describe('Alias of candidate_id for several'),
      ...owner,
    }),
    response: { 200: statusIs('dismissed') },
    errors: [400, 404],
  },
  mergeKgEntities: {
    method: 'POST',
    path: '/v1/agents/{agentID}/kg/merge',
    role: 'operator',
    summary: 'Merge one entity into another',
    rules: {
      ...ownerRules,
      ...graphRules,
      requiresBothIds: 'A request without `target_id` or `source_id` is refused, and so is one in which they are equal',
      movesRelations:
        'Relations of the source become the target’s, but for those that the target has already; those between the two are deleted',
      keepsTheTarget: 'The target stays as it is in every field; the source goes, with the pairs that it is in',
      checksTheOwner: 'With `user_id` both entities have to be that user’s; entities of two owners are not merged',
      answersUnknown404: 'An entity that is not there is answered 404 with its id in the text',
    },
    params: agentParams,
    query: ownerQuery,
    body: z.object({ target_id: uuid, source_id: uuid, ...owner }),
    response: { 200: statusIs('merged') },
    errors: [400, 404],
  },
})
