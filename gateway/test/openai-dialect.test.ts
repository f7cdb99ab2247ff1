/** What a client of OpenAI's API meets at the edge before any service has seen its request. */
import { ruleName } from '../../test/support/rule.ts'
import { bareMesh } from './support/bare-mesh.ts'
import { gatewayToken, startGateway, type StartedGateway } from './support/gateway.ts'
import { answersIn, exchange } from './support/raw.ts'

let gateway: StartedGateway

beforeAll(async () => {
  const nowhere = { CLAWMESH_AGENTS_HTTP_URL: 'http://127.0.0.1:9', CLAWMESH_PROVIDERS_HTTP_URL: 'http://127.0.0.1:9' }
  gateway = await startGateway(bareMesh(nowhere), { CLAWMESH_RATE_LIMIT_RPM: '1', CLAWMESH_RATE_LIMIT_BURST: '1' })
})
afterAll(() => gateway.stop())

const auth = `Authorization: Bearer ${gatewayToken}\r\n`
const head = (line: string, headers = ''): string => `${line} HTTP/1.1\r\nHost: edge\r\n${headers}Connection: close\r\n`
const chat = 'POST /v1/chat/completions'
const asked = (user: string) => `${auth}X-GoClaw-User-Id: ${user}\r\nContent-Length: 2\r\n`

const cases: [number, string, string[]][] = [
  [401, 'without a credential', [`${head(chat)}\r\n`]],
  [401, 'with a wrong token', [`${head(chat, 'Authorization: Bearer wrong\r\n')}\r\n`]],
  [400, 'with two tokens', [`${head(chat, auth + auth)}\r\n`]],
  [400, 'with two hosts', [`${head(chat, 'Host: other\r\n')}\r\n`]],
  [400, 'of a path that cannot be read', [`${head(`${chat}/%00`, auth)}\r\n`]],
  [404, 'of a path below', [`${head('GET /v1/chat/completions/chatcmpl-1', auth)}\r\n`]],
  [405, 'with another method', [`${head('GET /v1/chat/completions', auth)}\r\n`]],
  [405, 'with another method on the path in other letters', [`${head('GET /v1/chat/completion%73', auth)}\r\n`]],
  [413, 'with too large a body', [`${head(chat, `${auth}Content-Length: 99999999\r\n`)}\r\n`]],
  [429, 'over the limit', Array<string>(2).fill(`${head(chat, asked('hasty'))}\r\n{}`)],
  [503, 'that cannot be delivered', [`${head(chat, asked('lonely'))}\r\n{}`]],
]

it.each(cases)(ruleName('createChatCompletion.nestsErrors', '%i %s'), async (status, _, requests) => {
  let last = ''
  for (const request of requests) last = await exchange(gateway.port, request)
  const [answer] = answersIn(last)
  expect(answer?.status).toBe(status)
  const text = expect.any(String) as string
  const { error } = JSON.parse(answer!.text) as { error: { param: unknown } }
  expect(error).toEqual({ message: text, type: text, code: text, param: error.param })
})

it('errors on all other paths have the form of the mesh', async () => {
  const [answer] = answersIn(await exchange(gateway.port, `${head('GET /v1/chat/completionist', auth)}\r\n`))
  expect(JSON.parse(answer!.text)).toMatchObject({ error: expect.any(String), code: 'NOT_FOUND', retryable: false })
})
