/** What a model call notes of itself when it does not come to its end, and how long it keeps the event loop. */
import { newId } from '@clawmesh/chassis'
import type { ChatRequest } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { callModel } from '../src/runs/model-call.ts'
import { startTrace } from '../src/runs/spans.ts'
import { done, text, type Script } from './stand-ins.ts'

const message = { role: 'user', images: [], parts: [], toolCalls: [], toolCallId: '', isError: false, thinking: '' }
const request = {
  ...{ provider: 'main', model: 'gpt-4o', tools: [], stream: true, options: undefined, sampling: undefined },
  messages: [{ ...message, providerState: '', content: 'x'.repeat(400) }],
} as ChatRequest

/** A trace that nobody reads. */
const newTrace = () => {
  const start = { runId: newId(), agentId: newId(), agentKey: 'a', userId: 'u', sessionKey: 's', channel: 'http' }
  return startTrace({ ...start, input: '' })
}

/** The span of a call whose caller leaves after the first piece, or stays. */
const spanOf = async (chat: Script, leaves: boolean) => {
  const leaving = new AbortController()
  const trace = newTrace()
  const called = callModel({
    call: { caller: testCaller(), requestId: newId(), signal: leaving.signal },
    ...{ request, iteration: 1, trace, isFinal: () => true },
    chat: (call, asked) => chat(asked, call),
    live: { text: () => undefined, send: () => undefined } as never,
    onText: async () => {
      if (leaves) leaving.abort()
    },
    onToolCall: async () => undefined,
  })
  await expect(called).rejects.toThrow()
  const { spans } = trace.finish({ status: 'cancelled', output: '' })
  return spans.find(({ span_type: type }) => type === 'llm_call')!
}

const breaksOff: Script = async function* () {
  yield text('y'.repeat(40))
  await Promise.reject(new Error('gone'))
}

it('estimates what was used when its caller has left in the middle, and says so', async () => {
  expect(await spanOf(breaksOff, true)).toMatchObject({
    ...{ status: 'error', provider: 'main', model: 'gpt-4o', input_tokens: 134, output_tokens: 14 },
    metadata: { usage_estimated: true },
  })
})

it('estimates nothing of a call that failed, or of which nothing had come', async () => {
  const failed = await spanOf(breaksOff, false)
  const silent = await spanOf(async function* () {
    yield* []
    await Promise.reject(new Error('gone'))
  }, true)
  for (const { input_tokens: input, output_tokens: output, metadata } of [failed, silent])
    expect([input, output, metadata]).toEqual([undefined, undefined, undefined])
})

describe.each([
  ['as one delta', (answer: string) => [answer]],
  ['as deltas that all come at once', (answer: string) => answer.match(/[^]{1,1000}/g) ?? []],
  ['whole', () => []],
])('an answer of half a megabyte that comes %s', (_, deltasOf) => {
  it('is cleaned piece by piece, everybody else served in between', async () => {
    const answer = `<think>${' \n'.repeat(120_000)}</think>${'word \n'.repeat(40_000)}end`
    let served = 0
    let next = setImmediate(function serve() {
      served++
      next = setImmediate(serve)
    })
    let shown = ''
    const { content } = await callModel({
      call: { caller: testCaller(), requestId: newId(), signal: new AbortController().signal },
      ...{ request, iteration: 1, trace: newTrace(), isFinal: () => true },
      chat: async function* () {
        yield* deltasOf(answer).map(text)
        yield done({ content: answer })
      },
      live: { text: () => undefined, send: () => undefined } as never,
      onText: async (delta) => {
        shown += delta
      },
      onToolCall: async () => undefined,
    })
    clearImmediate(next)
    expect(content).toBe(`${'word \n'.repeat(40_000)}end`)
    expect(shown).toBe(content)
    // 16,384 characters at once.
    expect(served).toBeGreaterThan(25)
  })
})
