/** What a model call notes of itself when it does not come to its end. */
import { newId } from '@clawmesh/chassis'
import type { ChatRequest } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { callModel } from '../src/runs/model-call.ts'
import { startTrace } from '../src/runs/spans.ts'
import { text, type Script } from './stand-ins.ts'

const message = { role: 'user', images: [], parts: [], toolCalls: [], toolCallId: '', isError: false, thinking: '' }
const request = {
  ...{ provider: 'main', model: 'gpt-4o', tools: [], stream: true, options: undefined, sampling: undefined },
  messages: [{ ...message, providerState: '', content: 'x'.repeat(400) }],
} as ChatRequest

/** The span of a call whose caller leaves after the first piece, or stays. */
const spanOf = async (chat: Script, leaves: boolean) => {
  const leaving = new AbortController()
  const start = { runId: newId(), agentId: newId(), agentKey: 'a', userId: 'u', sessionKey: 's', channel: 'http' }
  const trace = startTrace({ ...start, input: '' })
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
