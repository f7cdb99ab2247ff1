/** Unmodified clients of others against one edge, with the gateway token alone and with an API key. openai's is in openai-sdk.test.ts. */
import { createAnthropic } from '@ai-sdk/anthropic'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import Anthropic, {
  APIError,
  AuthenticationError,
  BadRequestError,
  NotFoundError,
  RateLimitError,
  type ClientOptions,
} from '@anthropic-ai/sdk'
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod'
import { HumanMessage, ToolMessage, type BaseMessage } from '@langchain/core/messages'
import { tool as langchainTool } from '@langchain/core/tools'
import { ChatOpenAI } from '@langchain/openai'
import { generateText, isStepCount, streamText, tool } from 'ai'
import { z } from 'zod'
import { leaveClients } from '../faults/scenarios/client-gone.ts'
import { rule } from '../support/rule.ts'
import { startAllInOne, type AllInOne, type TestTenant } from '../support/all-in-one.ts'

let mesh: AllInOne
let tenant: TestTenant
/** A key that may start one run a minute. */
let slowKey: string

beforeAll(async () => {
  mesh = await startAllInOne({ CLAWMESH_RATE_LIMIT_BURST: '1' })
  tenant = await mesh.makeTenant('clients')
  const need = async (path: string, headers: Record<string, string>, body: object) => {
    const answer = await mesh.request('POST', path, { headers, body })
    if (answer.status !== 201) throw new Error(answer.text)
    return answer.body
  }
  const provider = {
    name: 'vendor',
    provider_type: 'openai_compat',
    api_base: mesh.upstream.base,
    api_key: 'sk-test',
  }
  for (const headers of [mesh.owner(), tenant.as('admin', 'root')]) await need('/v1/providers', headers, provider)
  const slow = { name: 'slow', scopes: ['operator.write'], rate_limit_rpm: 1 }
  slowKey = String((await need('/v1/api-keys', tenant.as('admin', 'root'), slow))['key'])
})
afterAll(() => mesh?.stop())
afterEach(() => {
  expect(mesh.upstream.refusals).toEqual([])
})

const model = 'goclaw:default'
const Weather = z.object({ city: z.string() })
const rain = [{ toolCalls: [{ name: 'get_weather', arguments: '{"city":"Hanoi"}' }] }, { text: 'It rains.' }]
const asked = () => mesh.upstream.requests.at(-1)!.body as Record<string, any>
const rolesAsked = () => (asked()['messages'] as Record<string, any>[]).map(({ role }) => role)
const failureOf = (work: PromiseLike<unknown>): Promise<unknown> =>
  Promise.resolve(work).then(
    () => undefined,
    (error: unknown) => error,
  )

const credentials: [string, () => string][] = [
  ['the gateway token alone', () => mesh.gatewayToken],
  ['an API key', () => tenant.keys.operator],
]

describe.each(credentials)("Anthropic's client with %s", (_credential, keyOf) => {
  const clientOf = (options: ClientOptions = {}) =>
    new Anthropic({ baseURL: mesh.url, apiKey: keyOf(), maxRetries: 0, ...options })
  const hello = { model, max_tokens: 100, messages: [{ role: 'user' as const, content: 'hi' }] }
  const weather: Anthropic.Tool = {
    name: 'get_weather',
    description: 'tells the weather',
    input_schema: { type: 'object', properties: { city: { type: 'string' } } },
  }

  test('chats, whole and streamed, its key in either header', async () => {
    mesh.upstream.next({ text: 'Good morning.' }, { text: 'one two', chunks: 2 }, { text: 'By bearer.' })
    const answer = await clientOf().messages.create({
      ...hello,
      system: [{ type: 'text', text: 'Be kind.', cache_control: { type: 'ephemeral' } }],
      stop_sequences: ['END'],
      metadata: { user_id: 'somebody' },
    })
    expect(answer).toMatchObject({ content: [{ type: 'text', text: 'Good morning.' }], stop_reason: 'end_turn' })
    expect(answer._request_id).toMatch(/./)
    expect(answer.usage.input_tokens).toBeGreaterThan(0)
    expect(asked()).toMatchObject({ max_tokens: 100, stop: ['END'] })
    expect(asked()['messages'][0].content).toContain('Be kind.')

    const stream = clientOf().messages.stream(hello)
    const types: string[] = []
    stream.on('streamEvent', ({ type }) => void types.push(type))
    const final = await stream.finalMessage()
    expect(final).toMatchObject({ content: [{ type: 'text', text: 'one two' }], stop_reason: 'end_turn' })
    expect(final.usage.output_tokens).toBeGreaterThan(0)
    expect([types[0], types[1], ...types.slice(-3)]).toEqual([
      'message_start',
      'content_block_start',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ])

    const byBearer = clientOf({ apiKey: null, authToken: keyOf() })
    expect(await byBearer.messages.create(hello)).toMatchObject({ content: [{ text: 'By bearer.' }] })
  })

  test('runs its own tools, whole and streamed, and goes on with what they say', async () => {
    for (const stream of [false, true]) {
      mesh.upstream.next(
        {
          toolCalls: [
            { name: 'list_files', arguments: '{}' },
            { name: 'get_weather', arguments: '{"city":"Hanoi"}' },
          ],
        },
        { text: 'It rains.' },
      )
      const body = { ...hello, tools: [weather] }
      const first = stream
        ? await clientOf().messages.stream(body).finalMessage()
        : await clientOf().messages.create(body)
      expect(first.stop_reason).toBe('tool_use')
      const [call] = first.content.filter((block) => block.type === 'tool_use')
      expect(call).toMatchObject({ name: 'get_weather', input: { city: 'Hanoi' } })
      const result = { type: 'tool_result' as const, tool_use_id: call!.id, content: 'rain' }
      const second = await clientOf().messages.create({
        ...body,
        messages: [
          ...hello.messages,
          { role: 'assistant', content: first.content },
          { role: 'user', content: [result] },
        ],
      })
      expect(second.content).toMatchObject([{ type: 'text', text: 'It rains.' }])
      expect(rolesAsked()).toEqual(['system', 'user', 'assistant', 'tool', 'tool'])
    }
  })

  test('parses structured answers, shows thinking and images, counts and lists', async () => {
    mesh.upstream.next({ text: '{"city":"Hue"}' }, { thinking: 'Hm.', text: 'A cat.' })
    const format = zodOutputFormat(Weather)
    const parsed = await clientOf().messages.parse({ ...hello, output_config: { format } })
    expect(parsed.parsed_output).toEqual({ city: 'Hue' })
    expect(asked()['response_format']).toMatchObject({ type: 'json_schema' })

    const data = Buffer.from('png').toString('base64')
    const image = {
      type: 'image' as const,
      source: { type: 'base64' as const, media_type: 'image/png' as const, data },
    }
    const messages = [{ role: 'user' as const, content: [image, { type: 'text' as const, text: 'What is it?' }] }]
    const thinking = { type: 'enabled' as const, budget_tokens: 1_024 }
    const seen = await clientOf()
      .messages.stream({ ...hello, messages, thinking })
      .finalMessage()
    expect(seen.content).toMatchObject([
      { type: 'thinking', thinking: 'Hm.', signature: expect.stringMatching(/./) },
      { type: 'text', text: 'A cat.' },
    ])
    expect(JSON.stringify(asked()['messages'].at(-1))).toContain(`data:image/png;base64,${data}`)

    const { input_tokens: tokens } = await clientOf().messages.countTokens({ model, messages, tools: [weather] })
    expect(tokens).toBeGreaterThan(1_600)
    const ids: string[] = []
    for await (const { id } of clientOf().models.list()) ids.push(id)
    expect(ids).toEqual([model])
    expect(await clientOf().models.retrieve(model)).toMatchObject({ id: model, type: 'model' })
  })

  test('gets errors as its own', async () => {
    const { messages } = clientOf()
    const unknown = await failureOf(messages.create({ ...hello, model: 'goclaw:nobody' }))
    expect(unknown).toBeInstanceOf(NotFoundError)
    expect(unknown).toMatchObject({ type: 'not_found_error', requestID: expect.any(String) })
    const tools: Anthropic.ToolUnion[] = [{ type: 'web_search_20250305', name: 'web_search' }]
    const refused = await failureOf(messages.create({ ...hello, tools }))
    expect(refused).toBeInstanceOf(BadRequestError)
    expect(refused).toMatchObject({ type: 'invalid_request_error' })
    const stranger = clientOf({ apiKey: 'wrong' }).messages.countTokens({ model, messages: hello.messages })
    expect(await failureOf(stranger)).toBeInstanceOf(AuthenticationError)
    mesh.upstream.next({ text: 'one two three', chunks: 3, fault: 'error_event' })
    const broken = await failureOf(messages.stream(hello).finalMessage())
    expect(broken).toBeInstanceOf(APIError)
    expect(broken).toMatchObject({ type: expect.stringMatching(/_error$/) })
  })
})

test("Anthropic's client is told when to come back", async () => {
  const { messages } = new Anthropic({ baseURL: mesh.url, apiKey: slowKey, maxRetries: 0 })
  const ask = () => messages.create({ model, max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] })
  await ask()
  const error = await failureOf(ask())
  expect(error).toBeInstanceOf(RateLimitError)
  expect(error).toMatchObject({ type: 'rate_limit_error' })
  expect(Number((error as RateLimitError).headers.get('retry-after'))).toBeGreaterThan(0)
})

describe.each(credentials)('the AI SDK with %s', (_credential, keyOf) => {
  const settings = () => ({ baseURL: `${mesh.url}/v1`, apiKey: keyOf() })
  const models = {
    'openai, responses': () => createOpenAI(settings())(model),
    'openai, chat': () => createOpenAI(settings()).chat(model),
    'openai-compatible': () => createOpenAICompatible({ name: 'clawmesh', ...settings() })(model),
    anthropic: () => createAnthropic(settings())(model),
  }

  test.each(Object.entries(models))('%s: chats, streams, and runs tools over several steps', async (_, modelOf) => {
    mesh.upstream.next({ text: 'Good morning.' }, { text: 'one two', chunks: 2 }, ...rain, { text: 'Bye.' })
    expect((await generateText({ model: modelOf(), prompt: 'hi' })).text).toBe('Good morning.')
    let streamed = ''
    for await (const delta of streamText({ model: modelOf(), prompt: 'hi' }).textStream) streamed += delta
    expect(streamed).toBe('one two')

    const heard: string[] = []
    const tools = {
      get_weather: tool({
        description: 'tells the weather',
        inputSchema: Weather,
        execute: async ({ city }) => {
          heard.push(city)
          return 'rain'
        },
      }),
    }
    const prompt = 'How is it?'
    const { text, responseMessages, steps } = await generateText({
      model: modelOf(),
      prompt,
      tools,
      stopWhen: isStepCount(3),
    })
    expect([text, heard, steps.length]).toEqual(['It rains.', ['Hanoi'], 2])
    expect(rolesAsked()).toEqual(['system', 'user', 'assistant', 'tool'])

    const messages = [{ role: 'user' as const, content: prompt }, ...responseMessages]
    const after = await generateText({
      model: modelOf(),
      messages: [...messages, { role: 'user', content: 'Thanks.' }],
    })
    expect(after.text).toBe('Bye.')
    expect(rolesAsked()).toEqual(['system', 'user', 'assistant', 'tool', 'assistant', 'user'])
  })
})

/** The short form of test/faults/client-gone.test.ts. */
test('clients that hang up at the tenth token are let go upstream, and their usage is recorded', async () => {
  const { slowestMs: _, ...gone } = await leaveClients(mesh, await mesh.makeTenant('left'), { clients: 12, atOnce: 6 })
  expect(gone).toEqual({ closed: 12, sockets: 0, recorded: 12 })
})

describe('files', () => {
  const pdf = Buffer.from('%PDF-1.7 report')
  const pdfUrl = `data:application/pdf;base64,${pdf.toString('base64')}`
  const settings = () => ({ baseURL: `${mesh.url}/v1`, apiKey: tenant.keys.operator })

  test.each([
    ['openai, responses', () => createOpenAI(settings())(model)],
    ['openai, chat', () => createOpenAI(settings()).chat(model)],
    ['openai-compatible', () => createOpenAICompatible({ name: 'clawmesh', ...settings() })(model)],
    ['anthropic', () => createAnthropic(settings())(model)],
  ])('%s of the AI SDK shows the model a PDF', async (_, modelOf) => {
    const file = { type: 'file' as const, data: pdf, mediaType: 'application/pdf', filename: 'report.pdf' }
    const content = [{ type: 'text' as const, text: 'Sum it up.' }, file]
    await generateText({ model: modelOf(), messages: [{ role: 'user', content }] })
    expect(asked()['messages'].at(-1).content).toEqual([
      { type: 'text', text: 'Sum it up.' },
      { type: 'file', file: { filename: expect.stringMatching(/\.pdf$/), file_data: pdfUrl } },
    ])
  })

  rule('createChatCompletion.refusesFiles', async () => {
    const headers = tenant.as('admin', 'root')
    const need = (path: string, body: object) => mesh.request('POST', path, { headers, body })
    const vendor = { name: 'deaf', provider_type: 'groq', api_base: mesh.upstream.base, api_key: 'sk-test' }
    expect((await need('/v1/providers', vendor)).status).toBe(201)
    const agent = { agent_key: 'deaf', provider: 'deaf', model: 'llama-3.3-70b-versatile' }
    expect((await need('/v1/agents', agent)).status).toBe(201)
    const parts = {
      input_audio: { type: 'input_audio', input_audio: { data: 'UklGRg==', format: 'wav' } },
      file: { type: 'file', file: { file_data: pdfUrl, filename: 'report.pdf' } },
    }
    const ask = (...messages: object[]) =>
      mesh.request('POST', '/v1/chat/completions', { headers, body: { model: 'goclaw:deaf', messages } })
    for (const [param, part] of Object.entries(parts)) {
      const { status, body } = await ask({ role: 'user', content: [part] })
      expect([status, body['error']]).toMatchObject([400, { code: 'unsupported_parameter', param }])
    }
    const notes = { type: 'file', file: { file_data: 'data:text/plain;base64,d29yZHM=', filename: 'notes.txt' } }
    const said = { role: 'assistant', content: 'I see.' }
    const { status } = await ask({ role: 'user', content: [parts.file] }, said, { role: 'user', content: [notes] })
    expect(status).toBe(200)
    expect(asked()['messages'].slice(1)).toEqual([
      { role: 'user', content: '[report.pdf, application/pdf, that cannot be shown]' },
      said,
      { role: 'user', content: 'notes.txt:\n\nwords' },
    ])
  })
})

describe.each(credentials)('LangChain with %s', (_credential, keyOf) => {
  test.each([false, true])('chats, streams and calls tools (responses: %s)', async (useResponsesApi) => {
    mesh.upstream.next({ text: 'Good morning.' }, { text: 'one two', chunks: 2 }, ...rain)
    const configuration = { baseURL: `${mesh.url}/v1` }
    const chat = new ChatOpenAI({ model, apiKey: keyOf(), maxRetries: 0, useResponsesApi, configuration })
    expect((await chat.invoke('hi')).text).toBe('Good morning.')
    let streamed = ''
    for await (const chunk of await chat.stream('hi')) streamed += chunk.text
    expect(streamed).toBe('one two')

    const weather = langchainTool(({ city }) => `rain in ${city}`, {
      name: 'get_weather',
      description: 'tells the weather',
      schema: Weather,
    })
    const messages: BaseMessage[] = [new HumanMessage('How is it?')]
    const bound = chat.bindTools([weather])
    const first = await bound.invoke(messages)
    const [call] = first.tool_calls!
    expect(call).toMatchObject({ name: 'get_weather', args: { city: 'Hanoi' } })
    const result = await weather.invoke(call!)
    expect(result).toBeInstanceOf(ToolMessage)
    const last = await bound.invoke([...messages, first, result])
    expect(last.text).toBe('It rains.')
    expect(asked()['messages'].at(-1)).toMatchObject({ role: 'tool', content: 'rain in Hanoi' })
  })
})
