/**
 * Inputs that are made to keep a process busy, from four tenants at once, and how long everybody else waits meanwhile.
 * The mesh runs in this process: what its event loop was kept busy with is measured in processor time of its thread, so
 * that what else the machine does is not taken for a stall.
 */
import { createServer, get, type IncomingMessage, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { keptConnections } from '../../support/limits.ts'
import type { FakeUpstream } from '../../fakes/http-fake.ts'
import { startAllInOne, type AllInOne, type TestTenant } from '../../support/all-in-one.ts'

interface Attacker {
  mesh: AllInOne
  tenant: TestTenant
  agentId: string
  /** The address of a page with this body. */
  page: (body: string, type?: string) => string
}

interface StallInput {
  /** What it is answered with: an input that is refused before it does anything shows nothing. */
  status: number
  /** Makes the request, and afterwards sends it, so that making it is not taken for a stall. */
  prepare: (attacker: Attacker) => () => Promise<{ status: number; text: string }>
}

type Address = (attacker: Attacker) => string

/** One request; the body is the text of its JSON. */
const input = (
  method: string,
  address: Address | string,
  body: (attacker: Attacker) => unknown,
  status = 200,
  role: 'admin' | 'operator' = 'operator',
): StallInput => ({
  status,
  prepare: (attacker) => {
    const { mesh, tenant } = attacker
    const given = body(attacker)
    const bytes = Buffer.from(typeof given === 'string' ? given : JSON.stringify(given))
    const path = typeof address === 'string' ? address : address(attacker)
    return () => mesh.request(method, path, { headers: tenant.as(role), body: bytes })
  },
})
const post = (address: Address | string, body: (attacker: Attacker) => unknown, status = 200, role?: 'admin') =>
  input('POST', address, body, status, role)

const chat = (message: unknown, more: object = {}, status = 200): StallInput =>
  post(
    '/v1/chat/completions',
    () => ({ model: 'goclaw:stall', messages: [{ role: 'user', content: message }], ...more }),
    status,
  )
/** The model answers with what follows the word. */
const answered = (text: string, more: object = {}): StallInput => chat(`answer ${text}`, more)
const fetched = (body: () => string, type = 'text/html', args: object = {}, status = 200): StallInput =>
  post(
    '/v1/tools/invoke',
    ({ page }) => ({ tool: 'web_fetch', agentId: 'stall', args: { url: page(body(), type), ...args } }),
    status,
  )
const stored = (content: () => string): StallInput =>
  input(
    'PUT',
    ({ agentId }) => `/v1/agents/${agentId}/memory/documents/long.md`,
    () => ({ content: content() }),
    200,
  )
/** The text of a list of so many bytes at most that is made of one item. */
const listOf = (item: string, bytes: number): string => `[${`${item},`.repeat(bytes / (item.length + 1) - 1)}${item}]`
const image = (url: string) => ({ type: 'image_url', image_url: { url } })
const farImage = `http://${'.'.repeat(40_000)}a/`

/** What was seen to stop a process, and what is like it. Each is answered or refused; none may be a failure of ours. */
export const stallInputs: Readonly<Record<string, StallInput>> = {
  'a page of 64 KB of JSON arrays in each other': fetched(
    () => '['.repeat(32_768) + ']'.repeat(32_768),
    'application/json',
  ),
  'a message of 100,000 hyphens': chat('-'.repeat(100_000)),
  'a URL of 40,000 dots': post(
    '/v1/tools/invoke',
    () => ({ tool: 'web_fetch', agentId: 'stall', args: { url: farImage } }),
    400,
  ),
  'an image at a URL of 40,000 dots': chat([image(farImage)], {}, 400),
  'a page of 50 KB of eyJ-': fetched(() => 'eyJ-'.repeat(12_500), 'text/plain'),
  'an answer of 60,000 <think>': answered('<think>'.repeat(60_000)),
  'a streamed answer of 60,000 <think>': answered('<think>'.repeat(60_000), { stream: true }),
  '400 images': chat(Array<object>(400).fill(image('http://127.0.0.1:9/a.png')), {}, 400),
  'a document of 9 MB of prose': stored(() => 'Some words of a line that goes on.\n\n'.repeat(250_000)),
  'metadata that grow by PATCH': {
    status: 400,
    prepare:
      ({ mesh, tenant }) =>
      async () => {
        const headers = tenant.as('admin')
        const key = `agent:stall:grow-${tenant.slug}`
        await mesh.request('POST', '/v1/agents/stall/wake', { headers, body: { message: 'hi', session_key: key } })
        let last = { status: 0, text: '' }
        for (let call = 0; call < 10; call++)
          last = await mesh.request('PATCH', `/v1/sessions/${encodeURIComponent(key)}`, {
            headers,
            body: { metadata: { [`k${call}`]: 'x'.repeat(900_000) } },
          })
        return last
      },
  },
  'a page of 20,000 nested <div>': fetched(() => `${'<div>'.repeat(20_000)}words`),
  '40 heavy pages': {
    status: 200,
    prepare: (attacker) => {
      const heavy = fetched(() => '<b><i>x</b></i><br>'.repeat(25_000), 'text/html', { maxChars: 60_000 })
      const sends = Array.from({ length: 40 }, () => heavy.prepare(attacker))
      return async () => {
        const answers = await Promise.all(sends.map((send) => send()))
        return answers.find(({ status }) => status !== 200) ?? answers[0]!
      }
    },
  },

  'a message of 100,000 <system': chat('<system'.repeat(14_000)),
  'a message full of api_key=': chat('api_key='.repeat(12_000)),
  'an answer full of <final>': answered('<final>'.repeat(60_000)),
  'an answer of blanks': answered(` ${' \n'.repeat(200_000)}x`),
  // A failure of the model, and told as one.
  'a tool call with arguments nested 50,000 deep': chat('deep', {}, 503),
  'a page of line breaks': fetched(() => '<br>'.repeat(125_000)),
  'a page of nested tables and lists': fetched(() => '<table><tr><td><ul><li>x'.repeat(20_000)),
  'a page of tags that are never closed': fetched(() => '<a href="'.repeat(50_000)),
  'a page of letters that look like others': fetched(() => '‹Е\ufdfa'.repeat(50_000), 'text/plain'),
  'a page of JSON that grows when it is laid out': fetched(
    () => '['.repeat(90) + '1,'.repeat(200_000) + '1' + ']'.repeat(90),
    'application/json',
  ),
  'a document of 4 MB of empty lines': stored(() => '\n'.repeat(4_000_000)),
  'a document of one line of 4 MB': stored(() => 'abcdefg '.repeat(500_000)),
  'a search for 100 KB of words': post(
    ({ agentId }) => `/v1/agents/${agentId}/memory/search`,
    () => ({ query: 'ab '.repeat(33_000) }),
    400,
  ),
  'an agent with a name of 900 KB of hyphens': post('/v1/agents', () => ({ name: '-'.repeat(900_000) }), 400, 'admin'),

  'a document of 10 MB of empty objects': input(
    'PUT',
    ({ agentId }) => `/v1/agents/${agentId}/memory/documents/long.md`,
    () => `{"content":${listOf('{}', 10_000_000)}}`,
    400,
  ),
  'a document of 10 MB of escaped characters': stored(() => '\u0001'.repeat(1_700_000)),
  'a response to 1 MB of empty objects': post('/v1/responses', () => `{"input":${listOf('{}', 1_000_000)}}`, 400),
  'a response to 19,000 empty objects': post('/v1/responses', () => `{"input":${listOf('{}', 57_000)}}`, 400),
  'a chat of 6,000 short messages': post('/v1/chat/completions', () => {
    const messages = Array<object>(6_000).fill({ role: 'user', content: 'hi' })
    return { model: 'goclaw:stall', messages }
  }),
  'metadata of 19,000 keys': post(
    '/v1/responses',
    () => ({ input: 'hi', metadata: Object.fromEntries(Array.from({ length: 19_000 }, (_, at) => [`k${at}`, at])) }),
    400,
  ),
}

const answerAs = (upstream: FakeUpstream): void => {
  upstream.rule = ({ body }) => {
    const messages = body['messages'] as { role: string; content: unknown }[]
    const said = messages.findLast(({ role }) => role === 'user')?.content
    if (messages.at(-1)?.role === 'tool' || typeof said !== 'string') return undefined
    if (said === 'deep')
      return { toolCalls: [{ name: 'read_file', arguments: `{"path":${'['.repeat(50_000)}${']'.repeat(50_000)}}` }] }
    // The question is cut where the message is; what was asked for is told by its beginning.
    if (!said.startsWith('answer ')) return undefined
    const piece = said.slice('answer '.length)
    return { text: piece.slice(0, 8).repeat(60_000), chunks: 500 }
  }
}

const startPages = async () => {
  const bodies: { body: string; type: string }[] = []
  const server: Server = createServer(keptConnections, (request, response) => {
    const found = bodies[Number(request.url!.split('/')[1])]
    if (found === undefined) response.writeHead(404).end()
    else response.writeHead(200, { 'content-type': `${found.type}; charset=utf-8` }).end(found.body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    page: (body: string, type = 'text/html') => `http://127.0.0.1:${port}/${bodies.push({ body, type }) - 1}`,
    stop: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** On a connection of its own: those of the inputs may all be in use. */
const healthOf = async (url: string): Promise<number> => {
  const [answer] = (await once(get(`${url}/health`, { agent: false }), 'response')) as [IncomingMessage]
  await once(answer.resume(), 'end')
  return answer.statusCode!
}

/** Processor time of this thread. */
const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

/** The most processor time that this thread was busy with between two turns of a timer. */
const startLoopWatch = () => {
  let longest = 0
  let last = cpuMs()
  const timer = setInterval(() => {
    const now = cpuMs()
    longest = Math.max(longest, now - last)
    last = now
  }, 5)
  return {
    longestMs: () => {
      const found = Math.max(longest, cpuMs() - last)
      longest = 0
      last = cpuMs()
      return found
    },
    stop: () => clearInterval(timer),
  }
}

export interface StallReport {
  /** Processor time of the longest turn of the event loop. */
  busyMs: number
  /** Processor time that went into other work while `/health` waited for its answer, at most; and how long that took. */
  healthBusyMs: number
  healthMs: number
  rssMib: number
  statuses: number[]
}

export interface StallWorld {
  run: (input: StallInput) => Promise<StallReport>
  stop: () => Promise<void>
}

/** Starts a mesh with four tenants that each have an agent whose model says what it is asked to. */
export const startStallWorld = async (): Promise<StallWorld> => {
  const mesh = await startAllInOne({ CLAWMESH_CHECK_RESPONSES: 'false' })
  const pages = await startPages()
  answerAs(mesh.upstream)
  const attackers = await Promise.all(
    ['a', 'b', 'c', 'd'].map(async (name): Promise<Attacker> => {
      const tenant = await mesh.makeTenant(`stall-${name}`)
      const make = async (path: string, body: object) => {
        const answer = await mesh.request('POST', path, { headers: tenant.as('admin'), body })
        if (answer.status !== 201) throw new Error(`POST ${path}: ${answer.status} ${answer.text}`)
        return answer.body
      }
      await make('/v1/providers', {
        name: 'fake',
        provider_type: 'openai_compat',
        api_base: mesh.upstream.base,
        api_key: 'fake',
      })
      const agent = await make('/v1/agents', { agent_key: 'stall', provider: 'fake', model: 'fake-1' })
      return { mesh, tenant, agentId: String(agent['id']), page: pages.page }
    }),
  )

  const run = async ({ prepare }: StallInput): Promise<StallReport> => {
    const sends = attackers.map(prepare)
    const loop = startLoopWatch()
    let done = false
    let healthMs = 0
    let healthBusyMs = 0
    const watching = (async () => {
      while (!done) {
        const [begun, begunBusy] = [performance.now(), cpuMs()]
        const status = await healthOf(mesh.url)
        if (status !== 200) throw new Error(`/health: ${status}`)
        healthMs = Math.max(healthMs, performance.now() - begun)
        healthBusyMs = Math.max(healthBusyMs, cpuMs() - begunBusy)
        await sleep(10)
      }
    })()
    loop.longestMs()
    const answers = await Promise.all(sends.map((send) => send())).finally(() => {
      done = true
    })
    await watching
    const busyMs = loop.longestMs()
    loop.stop()
    return {
      busyMs,
      healthBusyMs,
      healthMs,
      rssMib: process.memoryUsage().rss / 1_048_576,
      statuses: answers.map(({ status }) => status),
    }
  }

  return {
    run,
    stop: async () => {
      pages.stop()
      await mesh.stop()
    },
  }
}
