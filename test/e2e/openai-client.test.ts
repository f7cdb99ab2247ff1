/** The official OpenAI client, unmodified, against the edge of a mesh of processes. */
import { readdir, readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import OpenAI, { APIError, AuthenticationError, InternalServerError, NotFoundError, RateLimitError } from 'openai'
import type { Script } from '../fakes/http-fake.ts'
import { eventually } from '../support/eventually.ts'
import { endedTraces, sessionOf, tracesOf } from '../support/mesh-api.ts'
import { rule } from '../support/rule.ts'
import { meshStartLimitMs, meshToken, startMesh, type Mesh } from '../support/mesh-processes.ts'

/** Dollars for a million tokens of the model that the agents of this file use. */
const price = { input_per_million: 1_000, output_per_million: 2_000 }
const model = 'fake-large'
/** The second edge lets one caller start this many runs at once, and hardly any after that. */
const burst = 2
/** Silence is told from slowness by waiting: long enough for a busy machine. */
const silenceMs = '5000'

let mesh: Mesh

beforeAll(async () => {
  mesh = await startMesh({
    gateways: 2,
    env: {
      CLAWMESH_MODEL_PRICES: JSON.stringify({ [model]: price }),
      CLAWMESH_PROVIDER_FIRST_TOKEN_TIMEOUT_MS: silenceMs,
      CLAWMESH_PROVIDER_IDLE_TIMEOUT_MS: silenceMs,
      CLAWMESH_PROVIDER_ANSWER_TIMEOUT_MS: silenceMs,
    },
    envOf: (name) =>
      name === 'gateway-2' ? { CLAWMESH_RATE_LIMIT_RPM: '1', CLAWMESH_RATE_LIMIT_BURST: String(burst) } : undefined,
  })
}, meshStartLimitMs)

afterAll(() => mesh?.stop())

interface ClientOptions {
  edge?: number
  apiKey?: string
  userId?: string
  maxRetries?: number
}

const clientOf = ({ edge = 0, apiKey = meshToken, userId = 'alice', maxRetries = 0 }: ClientOptions = {}): OpenAI =>
  new OpenAI({
    baseURL: `${mesh.edges[edge]!}/v1`,
    apiKey,
    maxRetries,
    defaultHeaders: { 'X-GoClaw-User-Id': userId },
  })

const say = (content: string) => [{ role: 'user' as const, content }]

/** The session that a completion was made in: the edge gives each call one of its own. */
const sessionKeyOf = ({ id }: { id: string }, agent = 'default', userId = 'alice'): string =>
  `agent:${agent}:http-${userId}-${id.replace('chatcmpl-', '')}`

const failureOf = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  )

const textOf = async (stream: AsyncIterable<OpenAI.ChatCompletionChunk>): Promise<string> => {
  let text = ''
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''
  return text
}

/** What the upstream was asked last. */
const lastAsked = () => mesh.upstream.requests.at(-1)!.body as { messages: OpenAI.ChatCompletionMessageParam[] }

const createAgent = (key: string, more: Record<string, unknown> = {}): Promise<{ id: string }> =>
  mesh.api().need('POST', '/v1/agents', { agent_key: key, display_name: key, model, ...more })

test('an agent calls the tools of an official MCP server in its run, and of none that it was not granted', async () => {
  const { id: agentId } = await createAgent('rememberer')
  await createAgent('forgetful')
  const program = fileURLToPath(
    new URL('../../node_modules/@modelcontextprotocol/server-everything/dist/index.js', import.meta.url),
  )
  const server = await mesh.api().need<{ id: string }>('POST', '/v1/mcp/servers', {
    name: 'official',
    transport: 'stdio',
    command: process.execPath,
    args: [program, 'stdio'],
  })
  await mesh.api().need('POST', `/v1/mcp/servers/${server.id}/grants/agent`, { agent_id: agentId })
  const offeredTo = async (agent: string) => {
    await clientOf().chat.completions.create({ model: `goclaw:${agent}`, messages: say('hello') })
    const { tools } = mesh.upstream.requests.at(-1)!.body as { tools: OpenAI.ChatCompletionFunctionTool[] }
    return tools.map((tool) => tool.function.name)
  }
  await eventually('the tools are offered', async () => (await offeredTo('rememberer')).includes('mcp_official__echo'))
  expect((await offeredTo('forgetful')).filter((name) => name.startsWith('mcp_'))).toEqual([])
  mesh.upstream.next(
    { toolCalls: [{ name: 'mcp_official__echo', arguments: JSON.stringify({ message: 'tea' }) }], model },
    { text: 'It said tea.', model },
  )
  const answer = await clientOf().chat.completions.create({ model: 'goclaw:rememberer', messages: say('say tea') })
  expect(answer.choices[0]!.message.content).toBe('It said tea.')
  const { content } = lastAsked().messages.find(({ role }) => role === 'tool')!
  expect(content).toMatch(/<<<EXTERNAL_UNTRUSTED_CONTENT>>>[^]*source: MCP server official, tool echo[^]*Echo: tea/)
})

test('a chat is answered whole, with usage', async () => {
  mesh.upstream.next({ text: 'Good morning.', usage: { prompt_tokens: 12, completion_tokens: 3, total_tokens: 15 } })
  const answer = await clientOf().chat.completions.create({ model: 'goclaw:default', messages: say('hello') })

  expect(answer).toMatchObject({
    object: 'chat.completion',
    model: 'goclaw:default',
    choices: [{ index: 0, message: { role: 'assistant', content: 'Good morning.' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 12, completion_tokens: 3, total_tokens: 15 },
  })
  expect(lastAsked().messages.at(-1)).toMatchObject({ role: 'user', content: 'hello' })
})

test('a stream comes in pieces as upstream sends them, and its chunks are one completion', async () => {
  mesh.upstream.next({ text: 'one two three four', chunks: 4, chunkDelayMs: 60 })
  const stream = await clientOf().chat.completions.create({
    model: 'goclaw:default',
    messages: say('count'),
    stream: true,
  })
  const chunks: OpenAI.ChatCompletionChunk[] = []
  const arrivedAt: number[] = []
  for await (const chunk of stream) {
    chunks.push(chunk)
    arrivedAt.push(performance.now())
  }

  expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')).toBe('one two three four')
  expect(chunks[0]!.choices[0]!.delta.role).toBe('assistant')
  expect(chunks.at(-1)!.choices[0]!.finish_reason).toBe('stop')
  expect(new Set(chunks.map(({ id }) => id)).size).toBe(1)
  expect(new Set(chunks.map(({ object }) => object))).toEqual(new Set(['chat.completion.chunk']))
  // Had anything on the way gathered the pieces, they would have come at once.
  expect(arrivedAt.at(-1)! - arrivedAt[0]!).toBeGreaterThan(100)
})

test('a stream ends with its usage when that is asked for, and without it when not', async () => {
  const usage = { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 }
  mesh.upstream.next({ text: 'with', usage }, { text: 'without', usage })
  const ask = async (stream_options?: { include_usage: boolean }) => {
    const stream = await clientOf().chat.completions.create({
      model: 'goclaw:default',
      messages: say('hello'),
      stream: true,
      ...(stream_options === undefined ? {} : { stream_options }),
    })
    const chunks: OpenAI.ChatCompletionChunk[] = []
    for await (const chunk of stream) chunks.push(chunk)
    return chunks
  }

  const asked = await ask({ include_usage: true })
  expect(asked.at(-1)).toMatchObject({ choices: [], usage })
  const notAsked = await ask()
  expect(notAsked.every((chunk) => chunk.usage === undefined)).toBe(true)
})

test('the stream helper of the client gathers a final completion', async () => {
  mesh.upstream.next({ text: 'gathered' })
  const completion = await clientOf()
    .chat.completions.stream({ model: 'goclaw:default', messages: say('hello') })
    .finalChatCompletion()
  expect(completion.choices[0]!.message.content).toBe('gathered')
})

test('an agent calls its tools through the mesh, and its whole turn is stored and traced', async () => {
  const agent = await createAgent('librarian')
  await mesh.api().need('PUT', `/v1/agents/${agent.id}/memory/documents/memory/cheese.md`, {
    content: '# Cheese\n\nThe password of the cheese cellar is camembert-42.\n',
  })
  const usage = { prompt_tokens: 1_000, completion_tokens: 100, total_tokens: 1_100 }
  mesh.upstream.next(
    {
      toolCalls: [
        { name: 'memory_search', arguments: JSON.stringify({ query: 'password of the cheese cellar' }) },
        {
          name: 'write_file',
          arguments: JSON.stringify({ path: 'notes/cellar.txt', content: 'look in the memory\n' }),
        },
      ],
      usage,
      model,
    },
    { toolCalls: [{ name: 'read_file', arguments: JSON.stringify({ path: 'notes/cellar.txt' }) }], usage, model },
    { text: 'It is camembert-42.', usage, model },
  )
  const before = mesh.upstream.requests.length
  const stream = await clientOf().chat.completions.create({
    model: 'goclaw:librarian',
    messages: say('What is the password of the cheese cellar?'),
    stream: true,
    stream_options: { include_usage: true },
  })
  const chunks: OpenAI.ChatCompletionChunk[] = []
  for await (const chunk of stream) chunks.push(chunk)
  const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')
  expect(text).toBe('It is camembert-42.')
  expect(chunks.at(-1)!.usage).toMatchObject({ prompt_tokens: 3_000, completion_tokens: 300 })

  // The model was offered the tools and shown what they answered.
  const asked = mesh.upstream.requests.slice(before).map(
    ({ body }) =>
      body as {
        tools: OpenAI.ChatCompletionFunctionTool[]
        messages: { role: string; content: string; tool_call_id?: string }[]
      },
  )
  expect(asked).toHaveLength(3)
  expect(asked[0]!.tools.map((tool) => tool.function.name)).toEqual(
    expect.arrayContaining(['memory_search', 'write_file', 'read_file']),
  )
  const results = asked[2]!.messages.filter(({ role }) => role === 'tool')
  expect(results.map(({ tool_call_id }) => tool_call_id)).toHaveLength(3)
  expect(results[0]!.content).toContain('camembert-42')
  expect(results[2]!.content).toContain('look in the memory')

  // The tool wrote a real file below the workspace of the agent.
  const files = await readdir(join(mesh.dataDir, 'workspace'), { recursive: true })
  const written = files.filter((file) => basename(file) === 'cellar.txt')
  expect(written).toHaveLength(1)
  expect(written[0]).toContain('librarian')
  expect(await readFile(join(mesh.dataDir, 'workspace', written[0]!), 'utf8')).toBe('look in the memory\n')

  // The turn is a session ...
  const key = sessionKeyOf(chunks[0]!, 'librarian')
  const { messages, inputTokens } = await sessionOf(mesh.api(), key)
  expect(messages.map(({ role }) => role)).toEqual([
    'user',
    'assistant',
    'tool',
    'tool',
    'assistant',
    'tool',
    'assistant',
  ])
  expect(messages[1]!.tool_calls!.map(({ name }) => name)).toEqual(['memory_search', 'write_file'])
  expect(messages.at(-1)!.content).toBe('It is camembert-42.')
  expect(inputTokens).toBe(3_000)

  // ... and a trace with its spans and its price.
  const trace = await eventually('the trace of the turn', async () => (await tracesOf(mesh.api(), key))[0])
  const cost = (3_000 * price.input_per_million + 300 * price.output_per_million) / 1_000_000
  expect(trace).toMatchObject({
    status: 'completed',
    llm_call_count: 3,
    tool_call_count: 3,
    total_input_tokens: 3_000,
    total_output_tokens: 300,
  })
  expect(trace.total_cost).toBeCloseTo(cost)
  const { spans } = await mesh.api().need<{ spans: { span_type: string }[] }>('GET', `/v1/traces/${trace.id}`)
  expect(spans.map(({ span_type }) => span_type).sort()).toEqual([
    'agent',
    'llm_call',
    'llm_call',
    'llm_call',
    'tool_call',
    'tool_call',
    'tool_call',
  ])
  const { rows } = await mesh
    .api()
    .need<{ rows: { total_cost: number; trace_count: number }[] }>('GET', `/v1/costs/summary?agent_id=${agent.id}`)
  expect(rows).toHaveLength(1)
  expect(rows[0]!.trace_count).toBe(1)
  expect(rows[0]!.total_cost).toBeCloseTo(cost)
})

it('hands out links to the files that an agent made, which open without a credential and for nobody else', async () => {
  await createAgent('drawer')
  const path = join(mesh.dataDir, 'workspace', 'drawer', 'alice', 'out', 'chart.csv')
  mesh.upstream.next(
    {
      toolCalls: [{ name: 'write_file', arguments: JSON.stringify({ path: 'out/chart.csv', content: 'a,b\n1,2\n' }) }],
      model,
    },
    { text: `It is [here](/v1/files${path}).`, model },
  )
  const answer = await clientOf().chat.completions.create({ model: 'goclaw:drawer', messages: say('Draw!') })
  const [link] = /\/v1\/files\/[^)]+/.exec(answer.choices[0]!.message.content!)!
  const fetched = (url: string, headers = {}) => fetch(`${mesh.edges[0]}${url}`, { headers })
  const good = { authorization: `Bearer ${meshToken}` }

  const served = await fetched(link, { range: 'bytes=0-2' })
  expect([served.status, await served.text()]).toEqual([206, 'a,b'])
  expect(served.headers.get('content-security-policy')).toMatch(/^sandbox/)
  expect((await fetched(link.split('?')[0]!, good)).status).toBe(200)
  for (const other of [link.split('?')[0]!, link.replace('chart', 'other'), link.replace(/ft=.../, 'ft=AAA')]) {
    const refused = await fetched(other)
    expect([refused.status, await refused.text()]).toEqual([401, expect.not.stringContaining('1,2')])
  }
  expect((await fetched(link.replace(/ft=.../, 'ft=AAA'), good)).status).toBe(401)
})

test('a tool that fails is told to the model, and the turn goes on', async () => {
  mesh.upstream.next(
    { toolCalls: [{ name: 'read_file', arguments: JSON.stringify({ path: '../../../etc/passwd' }) }] },
    { text: 'I may not read that.' },
  )
  const answer = await clientOf().chat.completions.create({ model: 'goclaw:default', messages: say('read it') })
  expect(answer.choices[0]!.message.content).toBe('I may not read that.')
  const results = lastAsked().messages.filter(({ role }) => role === 'tool')
  expect(results).toHaveLength(1)
  expect(results[0]!.content).not.toContain('root:')
})

test('turns that a request brings along are shown to the model in order', async () => {
  await clientOf().chat.completions.create({
    model: 'goclaw:default',
    messages: [
      { role: 'system', content: 'Answer in rhymes.' },
      { role: 'user', content: 'My name is Ada.' },
      { role: 'assistant', content: 'Hello Ada.' },
      { role: 'user', content: 'What is my name?' },
    ],
  })
  const { messages } = lastAsked()
  expect(messages.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'user'])
  expect(messages[0]!.content).toContain('Answer in rhymes.')
  expect(messages.slice(1).map(({ content }) => content)).toEqual(['My name is Ada.', 'Hello Ada.', 'What is my name?'])
})

describe('images', () => {
  const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
  let server: Server
  let imageUrl: string

  beforeAll(async () => {
    server = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'image/png' }).end(Buffer.from(pixel, 'base64'))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    imageUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/pixel.png`
  })

  afterAll(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  test.each([
    ['inline', () => `data:image/png;base64,${pixel}`],
    ['by URL', () => imageUrl],
  ])('an image given %s reaches the model as its bytes', async (_how, url) => {
    await clientOf().chat.completions.create({
      model: 'goclaw:default',
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is this?' },
            { type: 'image_url', image_url: { url: url() } },
          ],
        },
      ],
    })
    const { content } = lastAsked().messages.at(-1)!
    expect(content).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ type: 'text', text: 'What is this?' }),
        expect.objectContaining({
          type: 'image_url',
          image_url: expect.objectContaining({ url: `data:image/png;base64,${pixel}` }),
        }),
      ]),
    )
  })
})

describe('errors of ours', () => {
  test('a wrong key is an AuthenticationError', async () => {
    const error = await failureOf(
      clientOf({ apiKey: 'wrong' }).chat.completions.create({ model: 'goclaw:default', messages: say('hello') }),
    )
    expect(error).toBeInstanceOf(AuthenticationError)
    expect(error).toMatchObject({ status: 401, code: 'UNAUTHORIZED' })
  })

  test.each([false, true])('an agent that does not exist is a NotFoundError (stream: %s)', async (stream) => {
    const error = await failureOf(
      clientOf().chat.completions.create({ model: 'goclaw:nobody', messages: say('hello'), stream }),
    )
    expect(error).toBeInstanceOf(NotFoundError)
    expect((error as NotFoundError).message).toContain('nobody')
  })

  test('a caller who starts runs too fast gets a RateLimitError that says when to come back', async () => {
    const client = clientOf({ edge: 1, userId: 'hasty' })
    const ask = () => client.chat.completions.create({ model: 'goclaw:default', messages: say('hello') })
    for (let i = 0; i < burst; i++) await ask()
    const error = await failureOf(ask())
    expect(error).toBeInstanceOf(RateLimitError)
    expect(Number((error as RateLimitError).headers.get('retry-after'))).toBeGreaterThan(0)

    const other = clientOf({ edge: 1, userId: 'patient' })
    await other.chat.completions.create({ model: 'goclaw:default', messages: say('hello') })
  })

  rule('createResponse.sharesTheRateLimit', async () => {
    const client = clientOf({ edge: 1, userId: 'hurried' })
    const respond = () => client.responses.create({ model: 'goclaw:default', input: 'hello' })
    await client.chat.completions.create({ model: 'goclaw:default', messages: say('hello') })
    for (let i = 1; i < burst; i++) await respond()
    expect(await failureOf(respond())).toBeInstanceOf(RateLimitError)
    // What is no run is not counted.
    expect((await client.models.list()).data.map(({ id }) => id)).toContain('goclaw:default')
  })
})

describe('failures of the provider', () => {
  const ask = (stream: boolean) =>
    clientOf().chat.completions.create({ model: 'goclaw:default', messages: say('hello'), stream })

  afterEach(() => {
    mesh.upstream.rule = () => undefined
  })

  /** The answer, or the error that the client throws, wherever it does. The last script answers all further tries. */
  const outcomeOf = async (stream: boolean, ...scripts: Script[]): Promise<unknown> => {
    mesh.upstream.rule = () => (scripts.length > 1 ? scripts.shift() : scripts[0])
    try {
      const answer = await ask(stream)
      return Symbol.asyncIterator in answer ? await textOf(answer) : answer.choices[0]!.message.content
    } catch (error) {
      return error
    }
  }

  test.each([false, true])('one that passes is not noticed (stream: %s)', async (stream) => {
    expect(await outcomeOf(stream, { status: 500 }, { text: 'second try' })).toBe('second try')
    expect(await outcomeOf(stream, { fault: 'reset' }, { text: 'after a reset' })).toBe('after a reset')
    const busy = { status: 429, headers: { 'retry-after': '0' } }
    expect(await outcomeOf(stream, busy, { text: 'after a pause' })).toBe('after a pause')
  })

  test.each([false, true])('one that stays becomes the matching error (stream: %s)', async (stream) => {
    const busy = { status: 429, headers: { 'retry-after': '0' } }
    expect(await outcomeOf(stream, busy)).toBeInstanceOf(RateLimitError)
    expect(await outcomeOf(stream, { status: 503, headers: { 'retry-after': '0' } })).toMatchObject({
      status: 503,
    })
    expect(await outcomeOf(stream, { status: 401 })).toMatchObject({ status: 412 })
    expect(await outcomeOf(stream, { status: 400, error: { message: 'no such thing' } })).toMatchObject({ status: 400 })
    expect(await outcomeOf(stream, { fault: 'silence' })).toMatchObject({ status: 504 })
    expect(await outcomeOf(stream, { fault: 'silent_stream' })).toMatchObject({ status: 504 })
  })

  test('half an answer is an error and never an answer', async () => {
    expect(await outcomeOf(false, { fault: 'cut' })).toBeInstanceOf(InternalServerError)
    for (const fault of ['cut', 'unfinished', 'malformed', 'error_event', 'stall'] as const) {
      const outcome = await outcomeOf(true, { fault, text: 'a longer answer than this one will ever be' })
      expect({ fault, outcome }).toEqual({ fault, outcome: expect.any(APIError) })
    }
  })

  test('a failed turn is kept as failed, and the reason is told without the key of the provider', async () => {
    const session_key = 'agent:default:will-fail'
    mesh.upstream.rule = () => ({ status: 401, error: { message: 'bad key sk-end-to-end' } })
    const wake = await mesh.api().request<{ error: string }>('POST', '/v1/agents/default/wake', {
      message: 'hello',
      session_key,
    })
    expect(wake.status).toBe(412)
    expect(JSON.stringify(wake.body)).not.toContain('sk-end-to-end')
    const trace = await eventually('the trace', async () => (await tracesOf(mesh.api(), session_key))[0])
    expect(trace.status).toBe('error')
    expect(JSON.stringify(trace)).not.toContain('sk-end-to-end')
    const { messages } = await sessionOf(mesh.api(), session_key)
    expect(messages.map(({ role }) => role)).toEqual(['user'])
  })
})

test('a client that leaves its stream takes the upstream request with it, and the run is kept as cancelled', async () => {
  mesh.upstream.next({ text: 'a very long story '.repeat(50), chunks: 600, chunkDelayMs: 100 })
  const stream = await clientOf().chat.completions.create({
    model: 'goclaw:default',
    messages: say('tell me a story'),
    stream: true,
  })
  let id = ''
  const hungUp = mesh.upstream.hangUp()
  for await (const chunk of stream) {
    id = chunk.id
    if (chunk.choices[0]?.delta.content) stream.controller.abort()
  }
  await hungUp

  const key = sessionKeyOf({ id })
  const trace = await eventually('the trace', async () => (await tracesOf(mesh.api(), key))[0])
  expect(trace.status).toBe('cancelled')
})

test('a client that leaves while it waits for a whole answer takes the upstream request with it', async () => {
  mesh.upstream.next({ text: 'late', headerDelayMs: 600_000 })
  const abort = new AbortController()
  const before = mesh.upstream.requests.length
  const userId = 'leaves-early'
  const asked = failureOf(
    clientOf({ userId }).chat.completions.create(
      { model: 'goclaw:default', messages: say('hello') },
      { signal: abort.signal },
    ),
  )
  await eventually('the request upstream', async () => mesh.upstream.requests.length > before)
  const hungUp = mesh.upstream.hangUp()
  abort.abort()
  await hungUp
  expect(await asked).toBeInstanceOf(OpenAI.APIUserAbortError)
  const trace = await eventually('the trace', async () => (await endedTraces(mesh.api(), `user_id=${userId}`))[0])
  // Not for want of an answer, as after a silence of the upstream.
  expect(trace.status).toBe('cancelled')
})

test('the models of the catalogue and what the client sends beside the contract are no obstacle', async () => {
  const answer = await clientOf().chat.completions.create({
    model: 'goclaw:default',
    messages: [{ role: 'developer', content: 'Be brief.' }, ...say('hello')],
    temperature: 0.3,
    top_p: 0.9,
    n: 1,
    seed: 7,
    user: 'alice',
    max_completion_tokens: 100,
    metadata: { purpose: 'test' },
  })
  expect(answer.choices).toHaveLength(1)
})
