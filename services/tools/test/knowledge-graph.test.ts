import type { GraphEntity } from '@clawmesh/contracts/gen/clawmesh/memory/v1/memory.ts'
import type { KnowledgeGraph } from '../src/tool/tool.ts'
import { createMemoryPort } from '../src/memory/port.ts'
import { contextWith } from './context.ts'
import { runTool, toolRefusal } from './run-tool.ts'

const id = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
const entityOf = (n: number): GraphEntity => ({ id: id(n), name: `thing ${n}`, entityType: 'project', description: '' })
const found = (links: number) => ({
  entity: { ...entityOf(0), name: 'Atlas', description: 'A project.' },
  links: Array.from({ length: links }, (_, n) => ({ relationType: 'uses', incoming: n === 1, other: entityOf(n) })),
})

/** A graph that notes what it is asked. */
const graphOf = (parts: Partial<KnowledgeGraph> = {}) => {
  const asked: unknown[] = []
  const graph: KnowledgeGraph = {
    search: async (request) => {
      asked.push(request)
      return { entities: [found(2)] }
    },
    walk: async (request) => {
      asked.push(request)
      const reached = Array.from({ length: 25 }, (_, n) => ({
        entity: entityOf(n),
        depth: 2,
        via: '~uses',
        path: ['Atlas', 'x'],
      }))
      return { start: found(15), reached }
    },
    ...parts,
  }
  return { asked, context: contextWith({ knowledgeGraph: graph }) }
}

const answer = async (args: Record<string, unknown>, context: ReturnType<typeof contextWith>) =>
  JSON.parse((await runTool('knowledge_graph_search', args, context)).output) as Record<string, unknown>

describe('knowledge_graph_search', () => {
  test('finds entities with their relations in both directions', async () => {
    const { asked, context } = graphOf()
    expect(await answer({ query: 'atlas', entity_type: 'project' }, context)).toEqual({
      entities: [
        {
          id: id(0),
          name: 'Atlas',
          type: 'project',
          description: 'A project.',
          relations: [`-> uses: thing 0 (${id(0)})`, `<- uses: thing 1 (${id(1)})`],
        },
      ],
      count: 1,
      hint: expect.stringContaining('entity_id') as string,
    })
    expect(asked).toEqual([
      { agentId: 'agent-1', userId: 'alice', query: 'atlas', entityType: 'project', limit: 10, relations: 5 },
    ])
  })

  test('"*" lists 30 entities', async () => {
    const { asked, context } = graphOf()
    await answer({ query: '*' }, context)
    expect(asked).toMatchObject([{ query: '', limit: 30 }])
  })

  test('says what to try when nothing is found', async () => {
    const { context } = graphOf({ search: async () => ({ entities: [] }) })
    expect(await answer({ query: 'x' }, context)).toMatchObject({
      count: 0,
      hint: expect.stringContaining('"*"') as string,
    })
  })

  test('walks from an entity: at most 20 reached, 10 relations of the start', async () => {
    const { asked, context } = graphOf()
    const walked = await answer({ query: 'x', entity_id: id(0), max_depth: 3 }, context)
    expect(walked['reached']).toHaveLength(20)
    expect((walked['start'] as { relations: string[] }).relations).toHaveLength(10)
    expect(walked['hint']).toContain('5 more')
    expect(asked).toEqual([{ agentId: 'agent-1', userId: 'alice', entityId: id(0), maxDepth: 3 }])
  })

  test('refuses what is no entity, and a depth beyond 3', async () => {
    const { context } = graphOf({ walk: async () => ({ start: undefined, reached: [] }) })
    expect(await toolRefusal('knowledge_graph_search', { query: 'x', entity_id: id(9) }, context)).toMatch(/no entity/)
    const tooFar = async () => runTool('knowledge_graph_search', { query: 'x', max_depth: 4 }, context)
    await expect(tooFar()).rejects.toThrow('max_depth')
  })
})

describe('what is written to memory', () => {
  const written = async (setting: object) => {
    const requests: unknown[] = []
    const memory = new Proxy({}, { get: () => async (_call: unknown, request: unknown) => void requests.push(request) })
    const settings = [{ name: 'knowledge_graph_search', enabled: true, tenantEnabled: null, settings: {}, ...setting }]
    const port = createMemoryPort(memory as never).memory({ call: {}, agent: {}, userId: 'alice', settings } as never)
    await port!.put({ agentId: 'agent-1', userId: 'alice', path: 'a.md', content: 'text', append: false })
    return (requests[0] as { extraction: unknown }).extraction
  }
  const on = { extract_on_memory_write: true, extraction_provider: 'p', extraction_model: 'm', min_confidence: 0.6 }

  test('is extracted where the tenant says so and by which model', async () => {
    expect(await written({ settings: on })).toEqual({ provider: 'p', model: 'm', minConfidence: 0.6 })
  })

  test.each([
    ['it is off', { settings: { ...on, extract_on_memory_write: false } }],
    ['no provider is named', { settings: { ...on, extraction_provider: '' } }],
    ['no model is named', { settings: { ...on, extraction_model: undefined } }],
    ['the tool is switched off', { settings: on, enabled: false }],
    ['the tenant has switched the tool off', { settings: on, tenantEnabled: false }],
  ])('is not when %s', async (_when, setting) => {
    expect(await written(setting)).toBeUndefined()
  })
})
