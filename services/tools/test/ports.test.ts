import { z } from 'zod'
import { defineTool } from '../src/tool/define-tool.ts'
import { withPorts, type PortMakers } from '../src/tool/ports.ts'
import { says } from '../src/tool/tool.ts'
import { invokeTool } from '../src/invoke/run-tool.ts'
import { agentFacts, contextWith, memoryOf } from './context.ts'

const { signal: _, agent: _agent, memory: _memory, contextFiles: _files, web: _web, ...facts } = contextWith()

/** Makers that count how often each is asked. */
const counted = (makers: PortMakers<string>) => {
  const made: string[] = []
  const counting = Object.fromEntries(
    Object.entries(makers).map(([name, make]) => [
      name,
      (scope: string) => {
        made.push(`${name} for ${scope}`)
        return make(scope)
      },
    ]),
  ) as PortMakers<string>
  return { made, context: withPorts(facts, 'call', counting) }
}

const noting = defineTool({
  name: 'memory_get',
  displayName: 'Read memory',
  category: 'memory',
  groups: ['memory'],
  needs: ['agent', 'memory'],
  description: '',
  parameters: z.object({ times: z.int().default(1) }),
  run: async ({ times }, context) =>
    says(Array.from({ length: times }, () => `${context.agent.key} ${typeof context.memory.get}`).join()),
})

const run = (context: object, args = {}) =>
  invokeTool(
    { tools: [noting.tool], policy: {} },
    { tool: 'memory_get', args, context: context as Parameters<typeof invokeTool>[1]['context'] },
  )

const documents = memoryOf({})

test('a tool has the ports that it needs, each made once, and no others are made', async () => {
  const { made, context } = counted({ agent: () => agentFacts, memory: () => documents, web: () => contextWith().web })
  expect((await run(context, { times: 3 })).output).toBe('writer function,writer function,writer function')
  expect(made).toEqual(['agent for call', 'memory for call'])
})

test.each<[string, PortMakers<string>, string]>([
  ['an agent', { memory: () => documents }, 'memory_get needs an agent, and the call names none'],
  ['memory', { agent: () => agentFacts, memory: () => undefined }, 'memory_get needs memory, which is not available'],
])('a call without %s fails before the tool runs', async (_, makers, output) => {
  expect(await run(withPorts(facts, 'call', makers))).toMatchObject({ isError: true, output })
})

test('a port that cannot be made fails the call once and is missing then', async () => {
  const { made, context } = counted({
    agent: () => {
      throw new Error('away')
    },
  })
  expect(await run(context)).toMatchObject({ isError: true, output: 'the tool failed unexpectedly' })
  expect((await run(context)).output).toContain('needs an agent')
  expect(made).toEqual(['agent for call'])
})
