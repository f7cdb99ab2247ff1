/** Noticing agents that go in circles, and what the model is told when a turn gets long. */
import { MeshError } from '@clawmesh/contracts'
import { rule } from '../../../test/support/rule.ts'
import { createLoopDetector, type LoopAdvice } from '../src/runs/loop-detector.ts'
import { nudgeOf } from '../src/runs/nudges.ts'
import { slowAfterMs } from '../src/runs/slow-tools.ts'
import { runToolTurn, type InvokeTool } from '../src/runs/tool-turn.ts'

/** What is advised at each of so many calls. */
const advices = (
  count: number,
  callOf: (index: number) => [tool: string, args: string, result: string],
): LoopAdvice[] => {
  const { seen } = createLoopDetector()
  return Array.from({ length: count }, (_, index) => seen(...callOf(index)))
}
/** At which call it warns first and at which it stops. */
const steps = (given: readonly LoopAdvice[]) => ({ warn: given.indexOf('warn') + 1, stop: given.indexOf('stop') + 1 })

describe('an agent that goes in circles', () => {
  rule('createChatCompletion.noticesCircles', async () => {
    for (const tool of ['clock', 'write_file', 'exec'])
      expect(steps(advices(6, () => [tool, '{}', 'noon']))).toEqual({ warn: 3, stop: 5 })
  })

  it('is warned at the fourth and stopped at the sixth call that gets the same from different arguments', () => {
    expect(steps(advices(7, (index) => ['web_search', `${index}`, 'nothing found']))).toEqual({ warn: 4, stop: 6 })
  })

  it('may write many files that are all answered alike', () => {
    expect(new Set(advices(20, (index) => ['write_file', `${index}`, 'done']))).toEqual(new Set(['go on']))
  })

  it('is warned at the 8th and stopped at the 12th look when it looks at few things over and over', () => {
    const given = advices(13, (index) => ['read_file', `${index % 4}`, `${index}`])
    expect(steps(given)).toEqual({ warn: 8, stop: 12 })
  })

  it('may look at many different things for longer: 24 and 36', () => {
    expect(steps(advices(40, (index) => ['read_file', `${index}`, `${index}`]))).toEqual({ warn: 24, stop: 36 })
  })

  it('begins anew when it changes something; commands and MCP tools count for neither', () => {
    const mixed = advices(60, (index) =>
      index % 10 === 9 ? ['edit', `${index}`, `${index}`] : ['read_file', `${index}`, `${index}`],
    )
    expect(new Set(mixed)).toEqual(new Set(['go on']))
    for (const tool of ['exec', 'mcp_github__search'])
      expect(new Set(advices(60, (index) => [tool, `${index}`, `${index}`]))).toEqual(new Set(['go on']))
  })

  it('is judged by its last thirty calls', () => {
    const { seen } = createLoopDetector()
    seen('exec', 'a', 'same')
    seen('exec', 'a', 'same')
    for (let index = 0; index < 30; index++) seen('exec', `${index}`, `${index}`)
    expect(seen('exec', 'a', 'same')).toBe('go on')
  })
})

describe('a turn that gets long', () => {
  rule('createChatCompletion.nudgesLongTurns', async () => {
    const nudges = (hasSpoken: boolean) =>
      Array.from({ length: 20 }, (_, index) => nudgeOf({ iteration: index + 1, most: 20, hasSpoken }))
    expect(nudges(false).flatMap((text, index) => (text === undefined ? [] : [index + 1]))).toEqual([15, 20])
    expect(nudges(true).flatMap((text, index) => (text === undefined ? [] : [index + 1]))).toEqual([20])
    expect(nudgeOf({ iteration: 2, most: 2, hasSpoken: false })).toBeUndefined()
  })
})

describe('a slow tool', () => {
  rule('chat.send.announcesSlowTools', async () => {
    expect(slowAfterMs(undefined)).toBe(120_000)
    expect(slowAfterMs({ count: 2, slowestMs: 90_000 })).toBe(120_000)
    expect(slowAfterMs({ count: 3, slowestMs: 90_000 })).toBe(180_000)
    expect(slowAfterMs({ count: 3, slowestMs: 10 })).toBe(120_000)
  })
})

describe('calls of one answer', () => {
  const live = { text: () => undefined, send: () => undefined, settled: async () => undefined }
  const trace = { toolCall: () => ({ end: () => undefined }) }
  const turnOf = (calls: readonly string[], invoke: InvokeTool) =>
    runToolTurn({
      call: { caller: { tenantId: 't' }, signal: new AbortController().signal },
      calls: calls.map((name) => ({ id: name, name, argumentsJson: '{}', parseError: '' })),
      context: {},
      invoke,
      live,
      trace,
      loops: createLoopDetector(),
      iteration: 1,
      isCut: false,
      guardsResults: true,
    } as never)

  rule('createChatCompletion.runsCallsTogether', async () => {
    const gates = new Map<string, () => void>()
    const turn = turnOf(['a', 'b', 'c'], async (_call, { tool }) => {
      await new Promise<void>((resolve) => gates.set(tool, resolve))
      return { output: `from ${tool}`, isError: false }
    })
    await Promise.resolve()
    expect([...gates.keys()]).toEqual(['a', 'b', 'c'])
    for (const tool of ['c', 'a', 'b']) gates.get(tool)!()
    expect((await turn).results.map(({ content }) => content)).toEqual(['from a', 'from b', 'from c'])
  })

  it('go on when one of them cannot be reached, and end when the person has left', async () => {
    const failing = turnOf(['a', 'b'], async (_call, { tool }) => {
      if (tool === 'a') throw new Error('away')
      return { output: 'well', isError: false }
    })
    expect((await failing).results).toMatchObject([{ extra: { isError: true } }, { content: 'well' }])
    const left = turnOf(['a'], () => Promise.reject(new MeshError('CANCELLED', 'error.cancelled')))
    await expect(left).rejects.toMatchObject({ code: 'CANCELLED' })
  })
})
