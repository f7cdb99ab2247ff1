import { z } from 'zod'
import { uuid } from '../common.ts'
import { defineHttpTable } from '../operation.ts'
import { graphOwnerRules, graphRules, kgEntity, kgRelation } from './knowledge-graph.ts'
import { agentParams, owner, ownerInBody, ownerQuery, ownerRules } from './shared.ts'

export const kgGraph = defineHttpTable('memory', {
  traverseKg: {
    method: 'POST',
    path: '/v1/agents/{agentID}/kg/traverse',
    role: 'operator',
    summary: 'Walk the graph from one entity in both directions',
    rules: {
      ...ownerRules,
      ...graphRules,
      answersAnArray: 'Answers an array without an envelope; for a start that is not there it is empty',
      countsTheStartAsOne:
        'The start has depth 1 and is no result: `max_depth` 1 reaches nothing, 2 the neighbours, 3 theirs',
      boundsTheDepth: 'A depth of zero or less is 2, one above 3 is 3',
      walksBothWays: '`via` is the type of the last relation, after a ~ where it was walked against its direction',
      tellsThePath: '`path` are the ids from the start to the entity; none comes twice in it',
      showsEveryPath: 'An entity comes once for each path that leads to it, by depth, then by name',
      takesFrom: '`from` is another name of `entity_id`; without either the request is refused',
      staysWithTheOwner:
        'Without `user_id` the walk goes through all that the caller may see, with it through what that user owns',
      isBounded: 'A walk ends after 5000 paths, the nearest ones; one that takes 5 seconds is answered 500',
    },
    params: agentParams,
    query: ownerQuery,
    body: z.object({
      entity_id: uuid.optional(),
      from: uuid.optional().describe('Alias of entity_id'),
      max_depth: z.number().int().optional(),
      ...owner,
    }),
    response: {
      200: z.array(
        z.object({
          entity: kgEntity,
          depth: z.number().int(),
          path: z.array(uuid),
          via: z.string().readonly(),
        }),
      ),
    },
    errors: [400, 404],
  },
  getKgStats: {
    method: 'GET',
    path: '/v1/agents/{agentID}/kg/stats',
    role: 'viewer',
    summary: 'How many entities and relations there are, and entities of each type',
    rules: {
      ...ownerRules,
      ...graphRules,
      ...graphOwnerRules,
      countsByType: 'Counts entities, relations and the entities of each type; `entity_types` of an empty graph is {}',
    },
    params: agentParams,
    query: ownerQuery,
    queryInBody: ownerInBody,
    response: {
      200: z.object({
        entity_count: z.number().int(),
        relation_count: z.number().int(),
        entity_types: z.record(z.string(), z.number().int()),
      }),
    },
    errors: [404],
  },
  getKgGraph: {
    method: 'GET',
    path: '/v1/agents/{agentID}/kg/graph',
    role: 'viewer',
    summary: 'Entities and relations for drawing',
    rules: {
      ...ownerRules,
      ...graphRules,
      ...graphOwnerRules,
      showsTheNewest:
        'The entities that changed last, as many as `limit` says, and three times as many of the youngest relations, whose ends need not be among them',
      capsTheLimit: 'A limit is 200 unless said and 500 at most; zero, a negative or an unreadable one is refused',
    },
    params: agentParams,
    query: ownerQuery.extend({
      limit: z.coerce
        .number()
        .int()
        .min(1)
        .overwrite((limit) => Math.min(limit, 500))
        .default(200)
        .describe('Most entities, at most 500'),
    }),
    queryInBody: ownerInBody,
    response: { 200: z.object({ entities: z.array(kgEntity), relations: z.array(kgRelation) }) },
    errors: [404],
  },
})
