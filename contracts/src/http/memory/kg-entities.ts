import { z } from 'zod'
import { page, statusIs, uuid } from '../common.ts'
import { defineHttpTable } from '../operation.ts'
import { graphOwnerRules, graphRules, kgEntity, kgRelation, properties } from './knowledge-graph.ts'
import { agentParams, documentLimitBytes, owner, ownerInBody, ownerQuery, ownerRules } from './shared.ts'

const entityParams = agentParams.extend({ entityID: uuid.describe('Id of the entity, not its `external_id`') })

export const kgEntities = defineHttpTable('memory', {
  listKgEntities: {
    method: 'GET',
    path: '/v1/agents/{agentID}/kg/entities',
    role: 'viewer',
    summary: 'Entities of the knowledge graph, listed or searched',
    rules: {
      ...ownerRules,
      ...graphRules,
      ...graphOwnerRules,
      answersAnArray: 'Answers an array without an envelope, an empty one where there is nothing',
      searches:
        'With `q` entities are found by words and by meaning, best first; `type` and `offset` are ignored then, `limit` caps the result',
      putsNamesFirst: 'An entity of the name that is looked for comes first, then those whose names begin so',
      listsByChange: 'Without `q` the entity that changed last comes first; `type` leaves one type, exactly as written',
      capsThePage:
        'A limit above 1000 is 1000; zero, a negative or an unreadable one is refused, an offset that makes no sense is 0',
    },
    params: agentParams,
    query: ownerQuery.extend({
      q: z.string().max(20_000).optional().describe('What to look for'),
      type: z.string().max(100).optional().describe('Only entities of this type, where nothing is looked for'),
      ...page(50, 1_000),
    }),
    queryInBody: ownerInBody,
    response: { 200: z.array(kgEntity) },
    errors: [404],
  },
  upsertKgEntity: {
    method: 'POST',
    path: '/v1/agents/{agentID}/kg/entities',
    role: 'operator',
    summary: 'Create an entity, or update the one of its external id',
    rules: {
      ...ownerRules,
      ...graphRules,
      requiresNames: 'An entity without `external_id`, `name` or `entity_type`, or with an empty one, is refused',
      ignoresGivenIds: '`id`, `agent_id` and times in the body are ignored; the agent is that of the path',
      trustsByDefault: 'A confidence of zero or less, or none, is 1, and so is one above 1',
      takesAnyType: 'The type is free text',
      refusesOtherProperties: 'Properties that are no map from texts to texts are refused',
      keepsIdAndCreation:
        'An entity of the same agent, user and `external_id` is replaced and keeps its id and its creation time; both cases are answered 200 with the id',
      keepsOwnersApart: 'The same `external_id` of two users is two entities',
      isFoundAtOnce: 'It is found by its words at once, and by its meaning as soon as it is embedded',
      survivesEmbeddingFailures: 'A failure to embed does not fail the request',
    },
    params: agentParams,
    query: ownerQuery,
    body: z.object({
      external_id: z.string().min(1).max(255),
      name: z.string().min(1).max(1_000),
      entity_type: z.string().min(1).max(100),
      description: z.string().max(20_000).default(''),
      properties: properties.default({}),
      source_id: z.string().max(255).default(''),
      confidence: z.number().default(1),
      ...owner,
    }),
    bodyLimitBytes: documentLimitBytes,
    response: { 200: z.object({ status: z.literal('ok'), id: uuid }) },
    errors: [400, 404],
  },
  getKgEntity: {
    method: 'GET',
    path: '/v1/agents/{agentID}/kg/entities/{entityID}',
    role: 'viewer',
    summary: 'One entity with the relations that touch it',
    rules: {
      ...ownerRules,
      ...graphRules,
      showsBothDirections:
        'Relations from and to the entity come together, the youngest first; [] where there are none',
      takesAnyOwner:
        'Without `user_id` the entity may be of anybody whom the caller may name, with it of that user only',
      answersUnknown404: 'An entity that is not there is answered 404 with its id in the text',
    },
    params: entityParams,
    query: ownerQuery,
    queryInBody: ownerInBody,
    response: { 200: z.object({ entity: kgEntity, relations: z.array(kgRelation) }) },
    errors: [400, 404],
  },
  deleteKgEntity: {
    method: 'DELETE',
    path: '/v1/agents/{agentID}/kg/entities/{entityID}',
    role: 'operator',
    summary: 'Delete an entity, its relations and its duplicate candidates',
    rules: {
      ...ownerRules,
      ...graphRules,
      removesWhatTouchesIt: 'Its relations and the pairs that it is in go with it',
      isIdempotent: 'An entity that is not there is answered 200 as well',
      takesAnyOwner:
        'Without `user_id` the entity may be of anybody whom the caller may name, with it of that user only',
    },
    params: entityParams,
    query: ownerQuery,
    queryInBody: ownerInBody,
    response: { 200: statusIs('deleted') },
    errors: [400, 404],
  },
})
