/** What the official OpenAI client offers, unmodified: with the gateway token alone, and with an API key. */
import { randomUUID } from 'node:crypto'
import OpenAI, { NotFoundError, RateLimitError, type ClientOptions } from 'openai'
import { zodFunction, zodResponseFormat, zodResponsesFunction, zodTextFormat } from 'openai/helpers/zod'
import { z } from 'zod'
import { fakeVector } from '../fakes/openai.ts'
import { startAllInOne, type AllInOne, type TestTenant } from '../support/all-in-one.ts'
import { eventually } from '../support/eventually.ts'

let mesh: AllInOne
let tenant: TestTenant

beforeAll(async () => {
  mesh = await startAllInOne()
  tenant = await mesh.makeTenant('sdk')
  for (const headers of [mesh.owner(), tenant.as('admin', 'root')]) {
    const { status, text } = await mesh.request('POST', '/v1/providers', {
      headers,
      body: {
        name: 'vendor',
        provider_type: 'openai_compat',
        api_base: mesh.upstream.base,
        api_key: 'sk-test',
        settings: { embedding: { enabled: true, model: 'own-embedding' } },
      },
    })
    if (status !== 201) throw new Error(text)
  }
})
afterAll(() => mesh?.stop())
afterEach(() => {
  expect(mesh.upstream.refusals).toEqual([])
})

const Weather = z.object({ city: z.string() })
const Answer = z.object({ answer: z.string(), sure: z.boolean() })
const answerText = JSON.stringify({ answer: 'Friday', sure: true })
const say = (content: string) => [{ role: 'user' as const, content }]
const model = 'goclaw:default'
/** Of runs, as it is where nothing else is set. */
const burst = 5
const asked = () => mesh.upstream.requests.at(-1)!.body as Record<string, any>

describe.each([
  ['the gateway token alone', () => mesh.gatewayToken, () => mesh.owner()],
  ['an API key', () => tenant.keys.operator, () => mesh.owner(tenant.slug)],
])('with %s', (_credential, keyOf, ownerOf) => {
  const clientOf = (options: ClientOptions = {}) =>
    new OpenAI({ baseURL: `${mesh.url}/v1`, apiKey: keyOf(), maxRetries: 0, ...options })

  test('chats, whole and streamed, with parameters', async () => {
    mesh.upstream.next({ text: 'Good morning.' }, { text: 'one two', chunks: 2 })
    const parameters = {
      model,
      messages: say('hi'),
      temperature: 0.2,
      top_p: 0.5,
      stop: ['END'],
      seed: 7,
      max_tokens: 50,
    }
    const answer = await clientOf().chat.completions.create(parameters)
    expect(answer.choices[0]!.message.content).toBe('Good morning.')
    expect(asked()).toMatchObject({ temperature: 0.2, top_p: 0.5, stop: ['END'], seed: 7, max_tokens: 50 })
    const final = await clientOf()
      .chat.completions.stream({ ...parameters, stream_options: { include_usage: true } })
      .finalChatCompletion()
    expect(final.choices[0]!.message.content).toBe('one two')
    expect(final.usage!.total_tokens).toBeGreaterThan(0)
  })

  test('runs its own functions, whole and streamed, and goes on with what they say', async () => {
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
      const tools = [zodFunction({ name: 'get_weather', parameters: Weather })]
      const messages: OpenAI.ChatCompletionMessageParam[] = say('How is it?')
      const first = stream
        ? await clientOf().chat.completions.stream({ model, messages, tools }).finalChatCompletion()
        : await clientOf().chat.completions.parse({ model, messages, tools })
      const { finish_reason: reason, message } = first.choices[0]!
      expect(reason).toBe('tool_calls')
      const [call] = message.tool_calls!
      if (call?.type !== 'function') throw new Error('no call of a function')
      expect(message.tool_calls).toHaveLength(1)
      expect(call.function).toMatchObject({ name: 'get_weather', parsed_arguments: { city: 'Hanoi' } })
      messages.push(message, { role: 'tool', tool_call_id: call.id, content: 'rain' })
      const second = await clientOf().chat.completions.create({ model, messages, tools })
      expect(second.choices[0]!.message.content).toBe('It rains.')
      const sent = asked()['messages'] as Record<string, any>[]
      expect(sent.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'tool', 'tool'])
      expect(sent.at(-1)!['content']).toBe('rain')
    }
  })

  test('the tool runner of the client goes on until there is an answer', async () => {
    mesh.upstream.next({ toolCalls: [{ name: 'get_weather', arguments: '{"city":"Hue"}' }] }, { text: 'It is dry.' })
    const runner = clientOf().chat.completions.runTools({
      model,
      messages: say('How is it?'),
      tools: [
        {
          type: 'function',
          function: {
            name: 'get_weather',
            description: 'tells the weather',
            parameters: { type: 'object', properties: { city: { type: 'string' } } },
            parse: JSON.parse as (text: string) => { city: string },
            function: ({ city }: { city: string }) => `dry in ${city}`,
          },
        },
      ],
    })
    expect(await runner.finalContent()).toBe('It is dry.')
    expect((asked()['messages'] as Record<string, any>[]).at(-1)).toMatchObject({ role: 'tool', content: 'dry in Hue' })
  })

  test('parses structured answers', async () => {
    mesh.upstream.next({ text: answerText })
    const response_format = zodResponseFormat(Answer, 'answer')
    const parsed = await clientOf().chat.completions.parse({ model, messages: say('When?'), response_format })
    expect(parsed.choices[0]!.message.parsed).toEqual({ answer: 'Friday', sure: true })
    expect(asked()['response_format']).toMatchObject({
      type: 'json_schema',
      json_schema: { name: 'answer', strict: true },
    })
  })

  test('lists and finds models', async () => {
    const ids: string[] = []
    for await (const { id } of clientOf().models.list()) ids.push(id)
    expect(ids).toEqual([model])
    expect(await clientOf().models.retrieve(model)).toMatchObject({ id: model, object: 'model' })
    const error = await clientOf()
      .models.retrieve('goclaw:nobody')
      .catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(NotFoundError)
    expect(error).toMatchObject({ type: 'not_found_error' })
  })

  test('embeds', async () => {
    // The client asks for base64 by itself.
    const { data, usage } = await clientOf().embeddings.create({ model, input: ['one', 'two'] })
    expect(data.map(({ embedding }) => embedding)).toEqual([
      [...new Float32Array(fakeVector('one', 8))],
      [...new Float32Array(fakeVector('two', 8))],
    ])
    expect(usage).toEqual({ prompt_tokens: 2, total_tokens: 2 })
    const floats = await clientOf().embeddings.create({ model, input: 'one', encoding_format: 'float', dimensions: 4 })
    expect(floats.data[0]!.embedding).toEqual(fakeVector('one', 4))
  })

  test('asks for responses, continues them, and has their functions answered', async () => {
    mesh.upstream.next(
      { text: 'I am Ada.' },
      { toolCalls: [{ name: 'get_weather', arguments: '{"city":"Hanoi"}' }] },
      { text: 'It rains.' },
    )
    const client = clientOf()
    const first = await client.responses.create({ model, instructions: 'Be kind.', input: 'Who are you?' })
    expect(first.output_text).toBe('I am Ada.')
    const tools = [zodResponsesFunction({ name: 'get_weather', parameters: Weather })]
    const second = await client.responses.parse({ model, input: 'How is it?', previous_response_id: first.id, tools })
    const [call] = second.output
    if (call?.type !== 'function_call') throw new Error('no call')
    expect(call.parsed_arguments).toEqual({ city: 'Hanoi' })
    const third = await client.responses.create({
      model,
      previous_response_id: second.id,
      input: [{ type: 'function_call_output', call_id: call.call_id, output: 'rain' }],
      tools,
    })
    expect(third.output_text).toBe('It rains.')
    const roles = (asked()['messages'] as Record<string, any>[]).map(({ role }) => role)
    expect(roles).toEqual(['system', 'user', 'assistant', 'user', 'assistant', 'tool'])
  })

  test('streams and parses responses', async () => {
    mesh.upstream.next(
      { text: answerText, chunks: 4 },
      { toolCalls: [{ name: 'get_weather', arguments: '{"city":"Hue"}' }] },
    )
    const text = { format: zodTextFormat(Answer, 'answer') }
    const stream = clientOf().responses.stream({ model, input: 'When?', text })
    let said = ''
    stream.on('response.output_text.delta', ({ delta }) => void (said += delta))
    const final = await stream.finalResponse()
    expect(said).toBe(answerText)
    expect(final.output_parsed).toEqual({ answer: 'Friday', sure: true })
    expect(final.usage!.input_tokens_details).toBeDefined()

    const tools = [zodResponsesFunction({ name: 'get_weather', parameters: Weather })]
    const called = await clientOf().responses.stream({ model, input: 'How is it?', tools }).finalResponse()
    expect(called.output).toMatchObject([
      { type: 'function_call', name: 'get_weather', parsed_arguments: { city: 'Hue' } },
    ])
  })

  test('is told when to come back, and comes back by itself', async () => {
    const path = '/v1/system-configs/gateway.rate_limit_rpm'
    const setRate = async (value: string) =>
      expect((await mesh.request('PUT', path, { headers: ownerOf(), body: { value } })).status).toBe(200)
    const refused = async (options: ClientOptions = {}) =>
      clientOf(options)
        .chat.completions.create({ model, messages: say('hi') })
        .then(
          () => undefined,
          (thrown: unknown) => thrown,
        )
    await setRate('1')
    let error: unknown
    await eventually('a limit', async () => (error = await refused()) !== undefined)
    expect(error).toBeInstanceOf(RateLimitError)
    const { headers } = error as RateLimitError
    // A token a minute: what is said is the true wait.
    expect(Number(headers.get('retry-after-ms'))).toBeGreaterThan(5_000)
    expect(headers.get('retry-after')).toBe(String(Math.ceil(Number(headers.get('retry-after-ms')) / 1_000)))
    expect(headers.get('x-should-retry')).toBe('true')
    expect(headers.get('x-request-id')).toMatch(/./)

    // A token in 50 ms: so long the client waits, and no longer.
    await setRate('1200')
    // Each somebody who owes nothing yet, as a token of the lower limit takes a minute.
    const another = () => ({ defaultHeaders: { 'X-GoClaw-User-Id': randomUUID() } })
    await eventually('a higher limit', async () => {
      const user = another()
      for (let at = 0; at <= burst; at++) if ((await refused(user)) !== undefined) return false
      return true
    })
    const client = clientOf({ ...another(), maxRetries: 10 })
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => client.chat.completions.create({ model, messages: say('hi') })),
    )
    expect(answers.map(({ choices }) => choices[0]!.finish_reason)).toEqual(answers.map(() => 'stop'))
    await setRate('0')
    await eventually('no limit', async () => (await refused()) === undefined)
  })

  test('learns by name what cannot be honoured', async () => {
    const refused = await clientOf()
      .chat.completions.create({ model, messages: say('hi'), n: 2 })
      .catch((thrown: unknown) => thrown)
    expect(refused).toMatchObject({ status: 400, code: 'unsupported_parameter', param: 'n' })
  })
})
