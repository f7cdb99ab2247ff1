import { z } from 'zod'
import type { FoundEntity, GraphEntity, GraphLink } from '@clawmesh/contracts/gen/clawmesh/memory/v1/memory.ts'
import { toolError } from '../tool/tool-error.ts'
import { defineTool } from '../tool/define-tool.ts'
import { says, type KnowledgeGraph, type ToolContext } from '../tool/tool.ts'

const mostHits = 10
const mostListed = 30
const linksOfHit = 5
const linksOfStart = 10
const mostReached = 20

const shownEntity = (entity: GraphEntity | undefined) => {
  const { id = '', name = '', entityType = '', description = '' } = entity ?? {}
  return { id, name, type: entityType, ...(description === '' ? {} : { description }) }
}
/** `-> manages: Atlas (id)`, or `<-` where the other one does. */
const shownLink = ({ relationType, incoming, other }: GraphLink): string =>
  `${incoming ? '<-' : '->'} ${relationType}: ${other?.name ?? ''} (${other?.id ?? ''})`
const shownHit = ({ entity, links }: FoundEntity) => ({ ...shownEntity(entity), relations: links.map(shownLink) })

interface Asked {
  graph: KnowledgeGraph
  agentId: string
  userId: ToolContext['userId']
}

const walk = async ({ graph, agentId, userId }: Asked, entityId: string, maxDepth: number) => {
  const { start, reached } = await graph.walk({ agentId, userId, entityId, maxDepth })
  if (start === undefined) throw toolError(`there is no entity ${entityId}; look for it by a query first`)
  const shown = reached.slice(0, mostReached)
  return {
    start: shownHit({ ...start, links: start.links.slice(0, linksOfStart) }),
    reached: shown.map(({ entity, depth, via, path }) => ({
      ...shownEntity(entity),
      depth,
      via,
      path: path.join(' > '),
    })),
    count: shown.length,
    ...(reached.length > shown.length ? { hint: `${reached.length - shown.length} more were left out` } : {}),
  }
}

const search = async ({ graph, agentId, userId }: Asked, query: string, entityType: string) => {
  const isList = query.trim() === '*'
  const limit = isList ? mostListed : mostHits
  const request = { agentId, userId, query: isList ? '' : query, entityType, limit, relations: linksOfHit }
  const { entities } = await graph.search(request)
  const hint =
    entities.length === 0
      ? 'Nothing found. Try other words, or list everything with query "*".'
      : 'Follow an entity further with entity_id.'
  return { entities: entities.map(shownHit), count: entities.length, hint }
}

export const knowledgeGraphSearch = defineTool({
  name: 'knowledge_graph_search',
  displayName: 'Search knowledge graph',
  category: 'memory',
  groups: [],
  needs: ['agent', 'knowledgeGraph'],
  settings: {
    extract_on_memory_write: false,
    extraction_provider: '',
    extraction_model: '',
    min_confidence: 0.75,
  },
  description:
    'Search the knowledge graph for people, projects and other things and how they are related. ' +
    'With entity_id, walk from that entity along its relations.',
  parameters: z.object({
    query: z.string().min(1).max(2_000).describe('What to look for; "*" lists everything'),
    entity_type: z.string().max(100).default('').describe('Only this type, such as person or project'),
    entity_id: z.guid().optional().describe('Id of an entity from which to walk'),
    max_depth: z.int().min(1).max(3).default(2).describe('How far to walk; 2 reaches the neighbours'),
  }),
  run: async ({ query, entity_type, entity_id, max_depth }, { agent, knowledgeGraph: graph, userId }) => {
    const asked = { graph, agentId: agent.id, userId }
    const found =
      entity_id === undefined ? await search(asked, query, entity_type) : await walk(asked, entity_id, max_depth)
    return says(JSON.stringify(found), { metadata: { count: found.count } })
  },
})
