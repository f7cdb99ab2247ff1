/** What clients of others' APIs meet at the edge before any service has seen their request. */
import { rule, ruleName } from '../../test/support/rule.ts'
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
const asked = (user: string) => `${auth}X-GoClaw-User-Id: ${user}\r\nContent-Length: 2\r\n`

/** Requests to a path, the last of which is refused, by status and what is wrong. `misspelt` is the path in other letters. */
const cases = (path: string, misspelt: string): [number, string, string[]][] => {
  const post = `POST ${path}`
  return [
    [401, 'without a credential', [`${head(post)}\r\n`]],
    [401, 'with a wrong token', [`${head(post, 'Authorization: Bearer wrong\r\n')}\r\n`]],
    [400, 'with two tokens', [`${head(post, auth + auth)}\r\n`]],
    [400, 'with two hosts', [`${head(post, 'Host: other\r\n')}\r\n`]],
    [400, 'of a path that cannot be read', [`${head(`${post}/%00`, auth)}\r\n`]],
    [404, 'of a path below', [`${head(`GET ${path}/chatcmpl-1`, auth)}\r\n`]],
    [405, 'with another method', [`${head(`GET ${path}`, auth)}\r\n`]],
    [405, 'with another method on the path in other letters', [`${head(`GET ${misspelt}`, auth)}\r\n`]],
    [413, 'with too large a body', [`${head(post, `${auth}Content-Length: 99999999\r\n`)}\r\n`]],
    [429, 'over the limit', Array<string>(2).fill(`${head(post, asked(`hasty${path}`))}\r\n{}`)],
    [503, 'that cannot be delivered', [`${head(post, asked(`lonely${path}`))}\r\n{}`]],
  ]
}
/** The answer to the last of some requests. */
const lastAnswer = async (requests: readonly string[]) => {
  let last = ''
  for (const request of requests) last = await exchange(gateway.port, request)
  return answersIn(last)[0]
}
const text = expect.any(String) as string

it.each(cases('/v1/messages', '/v1/message%73'))(
  ruleName('createMessage.shapesErrors', '%i %s'),
  async (status, _, requests) => {
    const answer = await lastAnswer(requests)
    expect(answer?.status).toBe(status)
    const requestId = answer!.headers['request-id']
    expect(requestId).toBe(answer!.headers['x-request-id'])
    const body = JSON.parse(answer!.text) as unknown
    expect(body).toEqual({ type: 'error', error: { type: text, message: text }, request_id: requestId })
  },
)

rule('createMessage.sharesTheRateLimit', async () => {
  const post = (path: string) => `${head(`POST ${path}`, asked('both'))}\r\n{}`
  expect((await lastAnswer([post('/v1/chat/completions'), post('/v1/messages')]))?.status).toBe(429)
  expect((await lastAnswer([post('/v1/messages/count_tokens')]))?.status).toBe(503)
})

rule('createMessage.takesKeyHeader', async () => {
  const key = `X-Api-Key: ${gatewayToken}\r\n`
  const statusOf = async (line: string, headers: string) =>
    (await lastAnswer([`${head(line, `${headers}X-GoClaw-User-Id: ada\r\nContent-Length: 2\r\n`)}\r\n{}`]))?.status
  const count = 'POST /v1/messages/count_tokens'
  // Nobody is there to answer: who gets that far was let in.
  for (const line of ['POST /v1/messages', count, 'GET /v1/models', 'GET /v1/models/default'])
    expect([line, await statusOf(line, key)]).toEqual([line, 503])
  for (const wrong of ['X-Api-Key: wrong\r\n', `${key}Authorization: Bearer wrong\r\n`])
    expect([wrong, await statusOf(count, wrong)]).toEqual([wrong, 401])
  expect(await statusOf(count, key + key)).toBe(400)
  expect(await statusOf('POST /v1/chat/completions', key)).toBe(401)
})

it.each(cases('/v1/chat/completions', '/v1/chat/completion%73'))(
  ruleName('createChatCompletion.nestsErrors', '%i %s'),
  async (status, _, requests) => {
    const answer = await lastAnswer(requests)
    expect(answer?.status).toBe(status)
    const { error } = JSON.parse(answer!.text) as { error: { param: unknown } }
    expect(error).toEqual({ message: text, type: text, code: text, param: error.param })
  },
)

it.each([
  [405, 'DELETE /v1/responses'],
  [404, 'GET /v1/responses/below/it'],
  [405, 'DELETE /v1/models'],
  [404, 'GET /v1/models/below/it/all'],
  [405, 'GET /v1/embeddings'],
  [404, 'POST /v1/embeddings/below'],
])("%i for %s has the form of OpenAI's errors, too", async (status, line) => {
  const [answer] = answersIn(await exchange(gateway.port, `${head(line, auth)}\r\n`))
  expect(answer!.status).toBe(status)
  expect(JSON.parse(answer!.text)).toMatchObject({ error: { message: text, type: text, code: text } })
})

it('errors on all other paths have the form of the mesh', async () => {
  const [answer] = answersIn(await exchange(gateway.port, `${head('GET /v1/chat/completionist', auth)}\r\n`))
  expect(JSON.parse(answer!.text)).toMatchObject({ error: expect.any(String), code: 'NOT_FOUND', retryable: false })
})
