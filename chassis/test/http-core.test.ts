/** Express, over HTTP, and the table of routes, within a process and over links: a request means the same to both. */
import fc from 'fast-check'
import { z } from 'zod'
import { get as getOver } from 'node:http'
import { text } from 'node:stream/consumers'
import {
  createHttpCore,
  createIdentityTokens,
  createLogger,
  implementHttp,
  listen,
  nodeHandler,
  serviceCaller,
  type DrainableServer,
} from '../src/index.ts'
import { createExpressApp } from '../src/http/express-app.ts'

const log = createLogger({ level: 'silent', name: 'test' })
const tokens = createIdentityTokens('a secret of at least 32 characters')
const seen = z.object({ params: z.record(z.string(), z.string()), query: z.record(z.string(), z.unknown()) })
const operation = { method: 'GET', role: 'public', summary: '', errors: [] } as const
const query = z.looseObject({})
const echo = async ({ params, query: asked }: { params: Record<string, string>; query: object }) => ({
  params,
  query: { ...asked },
})

const core = createHttpCore(
  [
    implementHttp({
      service: 'agents',
      operations: {
        one: { ...operation, path: '/v1/things/{id}/parts/{part}', query, response: { 200: seen } },
        rest: { ...operation, path: '/v1/folders/{id}/files/{path...}', query, response: { 200: seen } },
      },
    })({ one: echo, rest: echo }),
  ],
  { log, checkResponses: true },
)

let servers: DrainableServer[]
let identity: string
beforeAll(async () => {
  identity = await tokens.mint(serviceCaller())
  servers = await Promise.all(
    [createExpressApp(core, tokens), nodeHandler(tokens, core.exchange)].map((handler) =>
      listen(handler, '127.0.0.1', 0),
    ),
  )
})
afterAll(() => Promise.all(servers.map((server) => server.drain(0))))

const ask = (port: number, path: string) =>
  new Promise<string>((resolve, reject) => {
    const headers = { 'x-mesh-identity': identity, 'x-request-id': 'r' }
    getOver({ host: '127.0.0.1', port, path, headers }, (answer) => {
      text(answer).then((body) => resolve(`${answer.statusCode} ${body}`), reject)
    }).on('error', reject)
  })
const askBoth = (path: string) => Promise.all(servers.map(({ port }) => ask(port, path)))

const segment = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
  fc.constantFrom('%', '%25', '%2F', 'a/b', '..', '?', '#', ';', '+', '&=', '@:$,'),
)

test('parameters and query come out as they were before they were encoded', async () => {
  await fc.assert(
    fc.asyncProperty(segment, segment, segment, segment, async (id, part, name, value) => {
      fc.pre(
        [id, part, name, value].every((each) => each.isWellFormed() && !each.includes('\0')) && name !== '__proto__',
      )
      const asked = `?${encodeURIComponent(name)}=${encodeURIComponent(value)}`
      const [first, second] = [encodeURIComponent(id), encodeURIComponent(part)]
      const whole = { params: { id, part }, query: { [name]: value } }
      for (const answer of await askBoth(`/v1/things/${first}/parts/${second}${asked}`))
        expect(answer).toBe(`200 ${JSON.stringify(whole)}`)
      const nested = { params: { id, path: `${part}/${id}` }, query: { [name]: value } }
      for (const answer of await askBoth(`/v1/folders/${first}/files/${second}/${first}${asked}`))
        expect(answer).toBe(`200 ${JSON.stringify(nested)}`)
    }),
    { numRuns: 50 },
  )
})

test.each([
  '/v1/things/a/parts/b?x=1&x=2&y=&z&%20=+',
  '/v1/folders/a/files/b//c',
  '/v1/things/a',
  '/v1/things/%00/parts/x',
  '/v1/other?x=1',
])('%s is answered alike', async (path) => {
  const [express, table] = await askBoth(path)
  expect(table).toBe(express)
})
