/** Reading an answer does not depend on where the network cut it. */
import fc from 'fast-check'
import type { Dispatcher } from 'undici'
import type { ChatResponse } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { resolveTarget } from '../src/providers/connection.ts'
import { createAnswerReader } from '../src/chat/protocols/answer-reader.ts'
import { bounds } from '../src/chat/protocols/bounds.ts'
import { callProtocol } from '../src/chat/protocols/call.ts'
import { anthropicProtocol } from '../src/chat/protocols/anthropic/protocol.ts'
import { UpstreamFailure } from '../src/chat/protocols/failure.ts'
import { openAiProtocol } from '../src/chat/protocols/openai/protocol.ts'
import type { Answer, ChatCall, Protocol } from '../src/chat/protocols/protocol.ts'
import { chatRequest, connectionTo } from './support.ts'

const call: ChatCall = { ...chatRequest(), options: { maxTokens: 0, temperature: undefined, reasoningEffort: '' } }

interface Outcome {
  answer: Answer | undefined
  failure: string | undefined
  events: ChatResponse[]
}

const readIn = (wire: Protocol, type: string, pieces: Buffer[]): Outcome => {
  const events: ChatResponse[] = []
  const target = resolveTarget(connectionTo('http://localhost', { type }))
  const reader = createAnswerReader(wire.decoder(target, call, (event) => events.push(event)))
  try {
    for (const piece of pieces) if (reader.feed(piece)) break
    return { answer: reader.end(), failure: undefined, events }
  } catch (error) {
    if (!(error instanceof UpstreamFailure)) throw error
    return { answer: undefined, failure: error.message, events }
  }
}

const cutAt = (bytes: Buffer, borders: number[]): Buffer[] => {
  const sorted = [...new Set(borders.map((border) => border % (bytes.length + 1)))].sort((a, b) => a - b)
  return [0, ...sorted].map((from, at) => bytes.subarray(from, sorted[at] ?? bytes.length))
}

const borders = fc.array(fc.nat(), { maxLength: 40 })
const lineEnd = fc.constantFrom('\n', '\r\n', '\r')
const words = fc.array(fc.string({ unit: 'grapheme', maxLength: 12 }), { maxLength: 8 })

const openAiStream = (texts: string[], end: string): string =>
  [
    ...texts.map((content) => JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: null }] })),
    JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }),
    JSON.stringify({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 4 } }),
    '[DONE]',
  ]
    .map((data) => `: ping${end}data: ${data}${end}${end}`)
    .join('')

const anthropicStream = (texts: string[], end: string): string =>
  [
    { type: 'message_start', message: { usage: { input_tokens: 1, output_tokens: 1 } } },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    ...texts.map((text) => ({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } })),
    { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 9 } },
    { type: 'message_stop' },
  ]
    .map((event) => `event: ${event.type}${end}data: ${JSON.stringify(event)}${end}${end}`)
    .join('')

describe.each([
  { type: 'openai_compat', wire: openAiProtocol, stream: openAiStream },
  { type: 'anthropic_native', wire: anthropicProtocol, stream: anthropicStream },
])('a stream of $type', ({ type, wire, stream }) => {
  it('gives the same events and answer in any pieces and with any line ends', () => {
    fc.assert(
      fc.property(words, lineEnd, borders, (texts, end, cuts) => {
        const bytes = Buffer.from(stream(texts, end))
        const got = readIn(wire, type, cutAt(bytes, cuts))
        expect(got.failure).toBeUndefined()
        expect(got.answer!.content).toBe(texts.join(''))
        expect(got.events).toEqual(readIn(wire, type, [bytes]).events)
      }),
      { numRuns: 500 },
    )
  })

  it('cut anywhere before its last event is an error', () => {
    fc.assert(
      fc.property(words, fc.nat(), borders, (texts, length, cuts) => {
        const whole = stream(texts, '\n')
        const limit = whole.lastIndexOf(wire === openAiProtocol ? '[DONE]' : '"message_stop"')
        const bytes = Buffer.from(whole).subarray(0, length % Buffer.byteLength(whole.slice(0, limit)))
        const got = readIn(wire, type, cutAt(bytes, cuts))
        expect(got.answer).toBeUndefined()
        expect(got.failure).toBeDefined()
      }),
      { numRuns: 500 },
    )
  })

  it('never throws anything but a failure, whatever comes', () => {
    const noise = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.json().map((json) => `data: ${json}\n\n`),
      fc.constantFrom(
        'data: [DONE]\n\n',
        'event: error\n',
        '\n',
        'data: {"choices":[{"delta":{"tool_calls":[{}]}}]}\n\n',
      ),
      fc.constantFrom(
        'data: {"type":"content_block_delta","index":5,"delta":{"type":"input_json_delta"}}\n\n',
        'data: {"type":"content_block_start","content_block":{"type":"__proto__"}}\n\n',
        'data: {"type":"constructor"}\n\n',
      ),
    )
    fc.assert(
      fc.property(fc.array(noise, { maxLength: 10 }), borders, (parts, cuts) => {
        readIn(wire, type, cutAt(Buffer.from(parts.join('')), cuts))
      }),
      { numRuns: 2_000 },
    )
  })
})

it('refuses an event that never ends', () => {
  const piece = Buffer.from(`data: "${'x'.repeat(1024 * 1024)}`)
  expect(readIn(openAiProtocol, 'openai_compat', [piece, piece, piece, piece, piece]).failure).toBe('event too large')
})

it('reads a whole answer with a byte order mark and white space around it', () => {
  const body = { choices: [{ message: { content: 'hi' }, finish_reason: 'stop' }] }
  const bytes = Buffer.from(`\uFEFF\n ${JSON.stringify(body)} \n`)
  expect(readIn(openAiProtocol, 'openai_compat', cutAt(bytes, [1, 2, 3, 5, 9])).answer?.content).toBe('hi')
})

describe('an answer that nobody could work with', () => {
  const whole = (message: object) => [Buffer.from(JSON.stringify({ choices: [{ message, finish_reason: 'stop' }] }))]
  const stream = (...texts: string[]) => [Buffer.from(openAiStream(texts, '\n'))]

  it('is refused for the number of its values', () => {
    const refused = readIn(openAiProtocol, 'openai_compat', whole({ content: 'x', extra: Array(100_000).fill(0) }))
    expect(refused.failure).toBe('answer of more values than 100000')
  })

  it('is refused when its text is longer than any model writes, whole or in deltas', () => {
    const half = 'x'.repeat(bounds.answerText / 2)
    const reason = `answer longer than ${bounds.answerText} characters`
    expect(readIn(openAiProtocol, 'openai_compat', whole({ content: `${half}${half}` })).failure).toBeUndefined()
    expect(readIn(openAiProtocol, 'openai_compat', whole({ content: `${half}${half}y` })).failure).toBe(reason)
    expect(readIn(openAiProtocol, 'openai_compat', stream(half, half, 'y')).failure).toBe(reason)
    expect(
      readIn(anthropicProtocol, 'anthropic_native', [Buffer.from(anthropicStream([half, half, 'y'], '\n'))]).failure,
    ).toBe(reason)
  })
})

it('an answer that comes all at once is read piece by piece, everybody else served in between', async () => {
  const bytes = Buffer.from(openAiStream(Array<string>(2_000).fill('x'.repeat(900)), '\n'))
  const pieces = Array.from({ length: Math.ceil(bytes.length / 65_536) }, (_, at) =>
    bytes.subarray(at * 65_536, (at + 1) * 65_536),
  )
  // Says everything at once, as a socket does whose buffers are full.
  const fetcher = {
    dispatch: (_: unknown, handler: Dispatcher.DispatchHandler) => {
      const control = {
        paused: false,
        pause: () => undefined,
        resume: () => undefined,
        abort: () => undefined,
      } as never
      handler.onRequestStart!(control, {})
      handler.onResponseStart!(control, 200, {}, '')
      for (const piece of pieces) handler.onResponseData!(control, piece)
      handler.onResponseEnd!(control, {})
    },
  } as unknown as Dispatcher
  let served = 0
  let next = setImmediate(function serve() {
    served++
    next = setImmediate(serve)
  })
  let said = 0
  for await (const { event } of callProtocol(openAiProtocol, connectionTo('http://localhost'), chatRequest(), {
    fetcher,
  }))
    if (event?.$case === 'textDelta') said++
  clearImmediate(next)
  expect(said).toBe(2_000)
  expect(served).toBeGreaterThan(10)
})
