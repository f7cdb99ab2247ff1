import { agentFacts, contextWith, memoryOf } from './context.ts'
import { runTool, toolRefusal } from './run-tool.ts'

const answer = async (
  tool: string,
  args: Record<string, unknown>,
  context = contextWith(),
): Promise<Record<string, unknown>> =>
  JSON.parse((await runTool(tool, args, context)).output) as Record<string, unknown>

describe('memory_search', () => {
  test('answers results, their number and what to do next', async () => {
    const memory = memoryOf({ 'agent-1/alice/memory/a.md': 'the tea is green', 'agent-1//MEMORY.md': 'green' })
    const found = await answer('memory_search', { query: 'green' }, contextWith({ memory }))
    expect(found).toEqual({
      count: 2,
      results: [
        {
          path: 'memory/a.md',
          start_line: 1,
          end_line: 2,
          score: 0.16,
          snippet: 'the tea is green',
          scope: 'personal',
          source: 'memory',
        },
        {
          path: 'MEMORY.md',
          start_line: 1,
          end_line: 2,
          score: 0.05,
          snippet: 'green',
          scope: 'global',
          source: 'memory',
        },
      ],
      hint: expect.stringContaining('memory_get') as string,
    })
  })

  test('6 results unless said, a least score, and a hint when there is nothing', async () => {
    const documents = Object.fromEntries(
      Array.from({ length: 9 }, (_, index) => [`agent-1//memory/${index}.md`, 'x'.repeat(index + 1)]),
    )
    const context = contextWith({ memory: memoryOf(documents) })
    expect((await answer('memory_search', { query: 'x' }, context))['count']).toBe(6)
    expect((await answer('memory_search', { query: 'x', maxResults: 50, minScore: 0.08 }, context))['count']).toBe(2)
    expect(await answer('memory_search', { query: 'zzz' }, context)).toMatchObject({ count: 0, results: [] })
  })

  test('team members also search the lead’s memory; the best of both count', async () => {
    const memory = memoryOf({ 'agent-1//a.md': 'tea', 'lead-1//b.md': 'tea tea' })
    const context = contextWith({ memory, agent: { ...agentFacts, leadId: 'lead-1' } })
    const found = await answer('memory_search', { query: 'tea', maxResults: 1 }, context)
    expect(found['results']).toMatchObject([{ path: 'b.md' }])
  })

  test('needs an agent and memory', async () => {
    expect(await toolRefusal('memory_search', { query: 'x' }, contextWith({ agent: undefined }))).toMatch(
      /needs an agent/,
    )
    expect(await toolRefusal('memory_search', { query: 'x' }, contextWith({ memory: undefined }))).toMatch(
      /not available/,
    )
  })
})

describe('memory_get', () => {
  const memory = memoryOf({
    'agent-1/alice/MEMORY.md': 'l1\nl2\nl3',
    'agent-1//MEMORY.md': 'shared',
    'lead-1//memory/x.md': 'lead',
  })
  const context = contextWith({ memory, agent: { ...agentFacts, leadId: 'lead-1' } })

  test('the user’s document comes before the agent’s, the lead’s last', async () => {
    expect(await answer('memory_get', { path: 'MEMORY.md' }, context)).toEqual({
      path: 'MEMORY.md',
      scope: 'personal',
      from: 1,
      lines: 3,
      text: 'l1\nl2\nl3',
    })
    expect(await answer('memory_get', { path: 'MEMORY.md' }, { ...context, userId: 'bob' })).toMatchObject({
      scope: 'global',
      text: 'shared',
    })
    expect(await answer('memory_get', { path: 'memory/x.md' }, context)).toMatchObject({ text: 'lead' })
  })

  test('from and lines choose a part, counted from 1', async () => {
    expect(await answer('memory_get', { path: 'MEMORY.md', from: 2, lines: 1 }, context)).toMatchObject({
      text: 'l2',
      next_from: 3,
    })
  })

  test('what is not there is an error', async () => {
    expect(await toolRefusal('memory_get', { path: 'memory/none.md' }, context)).toBe(
      'there is no memory document memory/none.md',
    )
  })
})
