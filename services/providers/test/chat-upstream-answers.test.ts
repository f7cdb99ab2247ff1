/** Answers that servers and proxies really send, in both protocols: none ends a good answer, none passes for one. */
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { createGuardedDispatcher } from '@clawmesh/chassis/fetch'
import type { ChatRequest } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { createServer as createTcpServer } from 'node:net'
import { keptConnections } from '../../../test/support/limits.ts'
import { chat } from '../src/chat/chat.ts'
import type { ProviderConnection } from '../src/providers/connection.ts'
import { embed } from '../src/embeddings/embed.ts'
import { bounds } from '../src/chat/protocols/bounds.ts'
import { chatRequest, collect, connectionTo, doneOf, errorOf, testOptions, tool, type Collected } from './support.ts'

type Handler = (response: ServerResponse) => void

let server: Server
let base = ''
let handler: Handler
const options = testOptions({ retry: { attempts: 1 } })
beforeAll(async () => {
  server = createServer(keptConnections, (request, response) => {
    request.resume()
    request.on('end', () => handler(response))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
})
afterAll(async () => {
  await options.fetcher.destroy()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const ask = (
  type: string,
  answer: Handler,
  request: Partial<ChatRequest> = {},
  fields: Partial<ProviderConnection> = {},
): Promise<Collected> => {
  handler = answer
  return collect(chat(connectionTo(base, { type, ...fields }), chatRequest(request), options))
}
const send =
  (body: string | Buffer, headers: Record<string, string> = {}, status = 200): Handler =>
  (response) => {
    response.writeHead(status, { 'content-type': 'text/event-stream', ...headers })
    response.end(body)
  }
const event = (body: unknown, name?: string): string =>
  `${name === undefined ? '' : `event: ${name}\n`}data: ${JSON.stringify(body)}\n\n`

const openAiDelta = (delta: unknown, finish: string | null = null, model = 'm'): string =>
  event({ model, choices: [{ index: 0, delta, finish_reason: finish }] })
const openAiDone = 'data: [DONE]\n\n'

const named = (body: { type: string }): string => event(body, body.type)
const anthropicStart = (model = 'm'): string => named({ type: 'message_start', message: { model } } as never)
const anthropicBlock = (index: number, block: unknown): string =>
  named({ type: 'content_block_start', index, content_block: block } as never)
const anthropicDelta = (index: number, delta: unknown): string =>
  named({ type: 'content_block_delta', index, delta } as never)
const anthropicEnd = (reason = 'end_turn'): string =>
  named({ type: 'message_delta', delta: { stop_reason: reason } } as never) + named({ type: 'message_stop' })

/** The same answer, 'hello', in both protocols, and with something between its two halves. */
const protocols = [
  {
    type: 'openai_compat',
    hello: (between = '', half = ['hel', 'lo']) =>
      openAiDelta({ content: half[0] }) +
      between +
      openAiDelta({ content: half[1] }) +
      openAiDelta({}, 'stop') +
      openAiDone,
    whole: JSON.stringify({ model: 'm', choices: [{ message: { content: 'hello' }, finish_reason: 'stop' }] }),
    calls: (args: string) =>
      openAiDelta({ tool_calls: [{ index: 0, id: 'c1', function: { name: 'f', arguments: args } }] }) +
      openAiDelta({}, 'tool_calls') +
      openAiDone,
    model: (model: string) => openAiDelta({ content: 'hello' }, 'stop', model) + openAiDone,
    manyCalls: (count: number) =>
      openAiDelta({
        tool_calls: Array.from({ length: count }, (_, index) => ({
          index,
          id: `c${index}`,
          function: { name: 'f', arguments: '{}' },
        })),
      }) +
      openAiDelta({}, 'tool_calls') +
      openAiDone,
    finish: (reason: string) => openAiDelta({ content: 'hello' }) + openAiDelta({}, reason) + openAiDone,
  },
  {
    type: 'anthropic_native',
    hello: (between = '', half = ['hel', 'lo']) =>
      anthropicStart() +
      anthropicBlock(0, { type: 'text', text: '' }) +
      anthropicDelta(0, { type: 'text_delta', text: half[0] }) +
      between +
      anthropicDelta(0, { type: 'text_delta', text: half[1] }) +
      anthropicEnd(),
    whole: JSON.stringify({ model: 'm', content: [{ type: 'text', text: 'hello' }], stop_reason: 'end_turn' }),
    calls: (args: string) =>
      anthropicStart() +
      anthropicBlock(0, { type: 'tool_use', id: 'c1', name: 'f', input: {} }) +
      anthropicDelta(0, { type: 'input_json_delta', partial_json: args }) +
      anthropicEnd('tool_use'),
    model: (model: string) =>
      anthropicStart(model) + anthropicBlock(0, { type: 'text', text: 'hello' }) + anthropicEnd(),
    manyCalls: (count: number) =>
      anthropicStart() +
      Array.from({ length: count }, (_, index) =>
        anthropicBlock(index, { type: 'tool_use', id: `c${index}`, name: 'f', input: {} }),
      ).join('') +
      anthropicEnd('tool_use'),
    finish: (reason: string) =>
      anthropicStart() + anthropicBlock(0, { type: 'text', text: 'hello' }) + anthropicEnd(reason),
  },
]

const encodings: [string, (body: string) => Buffer][] = [
  ['gzip', (body) => gzipSync(body)],
  ['x-gzip', (body) => gzipSync(body)],
  ['deflate', (body) => deflateSync(body)],
  ['deflate', (body) => deflateRawSync(body)],
  ['br', (body) => brotliCompressSync(body)],
  ['zstd', (body) => zstdCompressSync(body)],
  ['deflate, gzip', (body) => gzipSync(deflateSync(body))],
  // The header is wrong: the body is as it is.
  ['gzip', (body) => Buffer.from(body)],
  ['identity', (body) => Buffer.from(body)],
]

describe.each(protocols)('$type reads an answer', ({ type, hello, whole, calls, model, manyCalls, finish }) => {
  it.each([
    ['empty data', 'data:\n\n'],
    ['blank data', 'data:   \n\n'],
    ['a ping without data', 'event: ping\ndata:\n\n'],
    ['a ping with data', 'event: ping\ndata: {}\n\n'],
    ['a ping in words', 'event: ping\ndata: ping\n\n'],
    ['a comment as data', 'data: : OPENROUTER PROCESSING\n\n'],
    ['words', 'data: keep-alive\n\n'],
    ['null', 'data: null\n\n'],
    ['a number', 'data: 1\n\n'],
    ['a comment', ': keep-alive\n\n'],
    ['a line without a colon', 'keep-alive\n\n'],
    ['an unknown field', 'heartbeat: 1\n\n'],
  ])('with %s in it', async (_what, between) => {
    expect(doneOf(await ask(type, send(hello(between)))).content).toBe('hello')
    expect(doneOf(await ask(type, send(between + hello()))).content).toBe('hello')
  })

  it('that is whole, after blank lines and comments', async () => {
    const quiet = '\n \n: PROCESSING\n\n: still\n\n'
    expect(doneOf(await ask(type, send(quiet + whole), { stream: false })).content).toBe('hello')
    expect(doneOf(await ask(type, send(`\ufeff${whole}`), { stream: false })).content).toBe('hello')
  })

  it('but not one with a hole in it', async () => {
    const broken = 'data: {"choices":[{"index":0,"del\n\n'
    expect(errorOf(await ask(type, send(hello(broken)))).key).toBe('error.stream_cut')
  })

  it('and tells an error that comes in words, or instead of an answer', async () => {
    const inWords = await ask(type, send('event: error\ndata: model is overloaded\n\n'))
    expect(errorOf(inWords).message).toContain('model is overloaded')
    const instead = await ask(type, send('upstream connect error or disconnect/reset before headers'))
    expect(errorOf(instead).message).toContain('upstream connect error')
    const vllm = { object: 'error', message: 'the context is full', type: 'BadRequestError', code: 400 }
    for (const stream of [true, false])
      expect(errorOf(await ask(type, send(JSON.stringify(vllm)), { stream })).params['reason']).toBe(
        'the context is full',
      )
    expect(errorOf(await ask(type, send(hello(event(vllm))))).params['reason']).toBe('the context is full')
  })

  it.each(encodings)('compressed with %s', async (encoding, compress) => {
    const headers = { 'content-encoding': encoding }
    expect(doneOf(await ask(type, send(compress(hello()), headers))).content).toBe('hello')
    expect(doneOf(await ask(type, send(compress(whole), headers), { stream: false })).content).toBe('hello')
    const refused = compress(JSON.stringify({ error: { message: 'the reason' } }))
    expect(errorOf(await ask(type, send(refused, headers, 400))).params['reason']).toBe('the reason')
  })

  it('compressed, as it comes', async () => {
    // Two gzip members: the first piece is shown before the second is there.
    const text = hello('SPLIT')
    const [first, second] = text.split('SPLIT') as [string, string]
    let proceed = (): void => undefined
    handler = (response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' })
      response.write(gzipSync(first))
      proceed = () => response.end(gzipSync(second))
    }
    let seen = ''
    for await (const { event: part } of chat(connectionTo(base, { type }), chatRequest(), options)) {
      if (part?.$case !== 'textDelta') continue
      if (seen === '') proceed()
      seen += part.value
    }
    expect(seen).toBe('hello')
  })

  it('but not one that is compressed and cut, or garbled, or in an unknown encoding', async () => {
    const gzip = { 'content-encoding': 'gzip' }
    const bytes = gzipSync(hello())
    expect(errorOf(await ask(type, send(bytes.subarray(0, bytes.length / 2), gzip))).key).toBe('error.stream_cut')
    const garbled = Buffer.concat([bytes.subarray(0, 12), Buffer.alloc(60, 0xff)])
    expect(errorOf(await ask(type, send(garbled, gzip))).code).toBe('UNAVAILABLE')
    expect(errorOf(await ask(type, send(bytes, { 'content-encoding': 'snappy' }))).message).toContain('snappy')
  })

  it('but not one that unpacks to more than is taken', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, 0x20))
    const error = errorOf(await ask(type, send(bomb, { 'content-encoding': 'gzip' }), { stream: false }))
    expect(error.message).toContain('larger than')
  })

  it('whose characters are halved between its pieces', async () => {
    const got = await ask(type, send(hello('', ['a \ud83d', '\ude00 b'])))
    expect([got.text, doneOf(got).content]).toEqual(['a 😀 b', 'a 😀 b'])
    const cut = await ask(type, send(hello('', ['a ', 'b\ud83d'])))
    expect([cut.text, doneOf(cut).content]).toEqual(['a b\ufffd', 'a b\ufffd'])
  })

  it('whose arguments hold half a character', async () => {
    const done = doneOf(await ask(type, send(calls('{"\\ud83d":"\\ud83d x","b":"\\\\ud83d"}')), { tools: [tool('f')] }))
    expect(JSON.parse(done.toolCalls[0]!.argumentsJson)).toEqual({ '\ufffd': '\ufffd x', b: '\\ud83d' })
  })

  it('with a model, ids and names longer than can be kept, which are cut', async () => {
    const done = doneOf(await ask(type, send(model('m'.repeat(5_000)))))
    expect(done.model).toBe('m'.repeat(bounds.model))
    expect(doneOf(await ask(type, send(model(`${'m'.repeat(bounds.model - 1)}😀`)))).model).toBe(
      'm'.repeat(bounds.model - 1),
    )
    const long = calls('{}')
      .replaceAll('"c1"', `"${'c'.repeat(5_000)}"`)
      .replaceAll('"f"', `"${'f'.repeat(5_000)}"`)
    const call = doneOf(await ask(type, send(long))).toolCalls[0]!
    expect([call.id.length, call.name.length]).toEqual([40, bounds.toolName])
  })

  it('but says so when its arguments are nested too deep, and never recurses into them', async () => {
    for (const depth of [bounds.nesting + 1, 50_000]) {
      const deep = '{"a":'.repeat(depth) + '1' + '}'.repeat(depth)
      for (const body of [calls(deep), calls(deep.slice(0, -1))])
        expect(errorOf(await ask(type, send(body))).message).toContain('tool arguments nested deeper than 100 levels')
    }
    const fits = '{"a":'.repeat(bounds.nesting) + '1' + '}'.repeat(bounds.nesting)
    expect(doneOf(await ask(type, send(calls(fits)))).toolCalls[0]!.argumentsJson).toBe(fits)
  })

  it('but not a body that is nested too deep', async () => {
    const deep = `{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}`
    for (const stream of [true, false])
      expect(errorOf(await ask(type, send(deep), { stream })).code).toBe('UNAVAILABLE')
    expect(errorOf(await ask(type, send(hello(`data: ${deep}\n\n`)))).code).toBe('UNAVAILABLE')
    expect(errorOf(await ask(type, send(deep, {}, 500))).code).toBe('UNAVAILABLE')
  })

  it('but not one with more tool calls than can be run', async () => {
    expect(doneOf(await ask(type, send(manyCalls(bounds.toolCalls)))).toolCalls).toHaveLength(bounds.toolCalls)
    expect(errorOf(await ask(type, send(manyCalls(bounds.toolCalls + 1)))).message).toContain(
      'more than 128 tool calls',
    )
  })

  it('but tells a finish reason that is not known, at most a part of it', async () => {
    const error = errorOf(await ask(type, send(finish('X'.repeat(5_000)))))
    expect(error.params['reason']).toBe(`answer ended for a reason that is not known (${'X'.repeat(100)})`)
  })
})

describe('an answer in the form before tools', () => {
  it('is a tool call, streamed or whole', async () => {
    const streamed =
      openAiDelta({ role: 'assistant', content: null, function_call: { name: 'f', arguments: '' } }) +
      openAiDelta({ function_call: { arguments: '{"a":' } }) +
      openAiDelta({ function_call: { arguments: '1}' } }) +
      openAiDelta({}, 'function_call') +
      openAiDone
    const whole = JSON.stringify({
      choices: [
        {
          message: { content: null, function_call: { name: 'f', arguments: '{"a":1}' } },
          finish_reason: 'function_call',
        },
      ],
    })
    for (const [stream, body] of [
      [true, streamed],
      [false, whole],
    ] as const) {
      const done = doneOf(await ask('openai_compat', send(body), { stream, tools: [tool('f')] }))
      expect(done.finishReason).toBe('tool_calls')
      expect(done.toolCalls).toEqual([
        { id: expect.stringMatching(/^call_/), name: 'f', argumentsJson: '{"a":1}', parseError: '' },
      ])
    }
  })

  it('beside the form of today is one call', async () => {
    const both = { function_call: { name: 'f', arguments: '{}' } }
    const body =
      openAiDelta(
        { ...both, tool_calls: [{ index: 0, id: 'c', function: { name: 'f', arguments: '{}' } }] },
        'tool_calls',
      ) + openAiDone
    expect(doneOf(await ask('openai_compat', send(body))).toolCalls).toHaveLength(1)
  })
})

describe('usage', () => {
  const counts = async (usage: unknown, more: unknown = {}) =>
    doneOf(
      await ask(
        'openai_compat',
        send(
          openAiDelta({ content: 'x' }) +
            event({ choices: [{ index: 0, delta: {}, finish_reason: 'stop', ...(more as object) }], usage }) +
            openAiDone,
        ),
      ),
    ).usage

  it('counts cached tokens as parts of the prompt, and never more than it', async () => {
    expect(
      await counts({ prompt_tokens: 100, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 900 } }),
    ).toMatchObject({ inputTokens: 100, cacheReadTokens: 100, cacheCreationTokens: 0 })
    expect(
      await counts({ prompt_tokens: 100, prompt_tokens_details: { cached_tokens: 60, cache_write_tokens: 30 } }),
    ).toMatchObject({ inputTokens: 100, cacheReadTokens: 60, cacheCreationTokens: 30 })
  })

  it('is found in the choice, where Moonshot puts it', async () => {
    expect(await counts(null, { usage: { prompt_tokens: 9, completion_tokens: 2, cached_tokens: 4 } })).toMatchObject({
      inputTokens: 9,
      outputTokens: 2,
      cacheReadTokens: 4,
    })
  })
})

describe('a 100 Continue', () => {
  it.each([
    ['before the answer', ['HTTP/1.1 100 Continue\r\n\r\n']],
    ['twice, with a header', ['HTTP/1.1 100 Continue\r\nX-Proxy: a\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n']],
    ['in pieces', ['HTTP/1.', '1 100 Con', 'tinue\r\n', '\r\n']],
    ['of an old server', ['HTTP/1.0 100 Continue\r\n\r\n']],
  ])('%s does not fail the call, nor the next on its connection', async (_what, pieces) => {
    const body = protocols[0]!.hello()
    let connections = 0
    const tcp = createTcpServer((socket) => {
      connections++
      socket.on('error', () => undefined)
      let received = ''
      socket.on('data', (data) => {
        received += data.toString()
        if (!received.includes('"stream":true')) return
        received = ''
        void (async () => {
          for (const piece of pieces) {
            socket.write(piece)
            await new Promise((resolve) => setTimeout(resolve, 5))
          }
          // A body that looks like one is a body.
          const reported = `: HTTP/1.1 100 Continue\r\n\r\n${body}`
          socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${Buffer.byteLength(reported)}\r\n\r\n`)
          await new Promise((resolve) => setTimeout(resolve, 5))
          socket.write(reported)
        })()
      })
    })
    await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve))
    const fetcher = createGuardedDispatcher({ allow: ['127.0.0.1'] })
    try {
      const to = connectionTo(`http://127.0.0.1:${(tcp.address() as AddressInfo).port}/v1`)
      for (let call = 0; call < 3; call++)
        expect(doneOf(await collect(chat(to, chatRequest(), { ...options, fetcher }))).content).toBe('hello')
      // The second call may come before the first connection is free again; the third finds one.
      expect(connections).toBeLessThan(3)
    } finally {
      await fetcher.destroy()
      tcp.close()
    }
  })
})

it('embeddings that come compressed are read too', async () => {
  handler = send(gzipSync(JSON.stringify({ data: [{ index: 0, embedding: [1, 2] }] })), { 'content-encoding': 'gzip' })
  const { vectors } = await embed(connectionTo(base), { texts: ['x'], model: '', dimensions: 0 }, options)
  expect(vectors).toEqual([{ values: [1, 2] }])
})
