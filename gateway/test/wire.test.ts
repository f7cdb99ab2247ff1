/** Bytes that no client should send, straight at the edge's socket: each has an answer or a close, and the edge serves on. */
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { bareMesh } from './support/bare-mesh.ts'
import { gatewayToken, startGateway, type StartedGateway } from './support/gateway.ts'
import { answersIn, exchange, open, type RawAnswer } from './support/raw.ts'
import { startUpstream, type Upstream } from './support/upstream.ts'

interface Seen {
  method: string
  url: string
  headers: IncomingMessage['headers']
  body: string
}

let upstream: Upstream
let gateway: StartedGateway
/** What reached the service behind the edge. */
const seen: Seen[] = []
/** Resolves when the endless answer of the service has been cut off. */
const floodEnded = Promise.withResolvers<void>()

beforeAll(async () => {
  upstream = await startUpstream((request, response) => {
    if (request.url!.includes('/flood')) {
      response.on('error', () => undefined)
      response.once('close', floodEnded.resolve)
      response.writeHead(200, { 'content-type': 'text/plain' })
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      }
      response.on('drain', more)
      more()
      return
    }
    if (request.url === '/v1/agents/import') return void response.writeHead(400, { 'content-length': 2 }).end('{}')
    let body = ''
    request.on('error', () => undefined)
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      seen.push({ method: request.method!, url: request.url!, headers: request.headers, body })
      response.setHeader('content-length', 2).end('{}')
    })
  })
  gateway = await startGateway(
    bareMesh({ CLAWMESH_AGENTS_HTTP_URL: upstream.url, CLAWMESH_TOOLS_HTTP_URL: upstream.url }),
    {
      CLAWMESH_HEADERS_TIMEOUT_MS: '400',
      CLAWMESH_BODY_GRACE_MS: '1500',
      CLAWMESH_SLOW_READER_MS: '400',
      CLAWMESH_KEEP_ALIVE_TIMEOUT_MS: '1000',
      GOCLAW_ALLOWED_ORIGINS: 'https://page.example',
      CLAWMESH_RATE_LIMIT_RPM: '0',
    },
  )
})
afterAll(async () => {
  await gateway.stop()
  await upstream.stop()
})
beforeEach(() => void seen.splice(0))
/** Whatever came before, the edge serves the next client. */
afterEach(async () => {
  const [answer] = answersIn(
    await exchange(gateway.port, 'GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
  )
  expect(answer?.status).toBe(200)
})

const auth = `Host: edge\r\nAuthorization: Bearer ${gatewayToken}\r\nX-GoClaw-User-Id: system\r\n`
const post = (headers: string, body = ''): string =>
  `POST /v1/agents HTTP/1.1\r\n${auth}Content-Type: application/json\r\n${headers}\r\n${body}`
const get = (target: string, headers = ''): string =>
  `GET ${target} HTTP/1.1\r\n${auth}${headers}Connection: close\r\n\r\n`
const smuggled = `GET /v1/sessions HTTP/1.1\r\n${auth}\r\n`

const only = async (text: string): Promise<RawAnswer> => {
  const answers = answersIn(await exchange(gateway.port, text))
  expect(answers).toHaveLength(1)
  return answers[0]!
}

/** An error of the edge in JSON, after which the connection is closed. */
const expectError = ({ status, headers, text }: RawAnswer, expected: number): void => {
  expect({ status, text }).toEqual({ status: expected, text })
  expect(headers['content-type']).toBe('application/json; charset=utf-8')
  expect(headers['x-content-type-options']).toBe('nosniff')
  expect(headers['x-request-id']).toMatch(/./)
  expect(headers['x-should-retry']).toMatch(/^(true|false)$/)
  expect(JSON.parse(text)).toEqual(
    expect.objectContaining({ error: expect.any(String), code: expect.any(String), retryable: expect.any(Boolean) }),
  )
}

describe('a request whose end is told in two ways is refused, and nothing after it is taken for another', () => {
  test.each([
    ['Content-Length and Transfer-Encoding', post(`Content-Length: 4\r\nTransfer-Encoding: chunked\r\n`, '0\r\n\r\n')],
    ['Transfer-Encoding and Content-Length', post(`Transfer-Encoding: chunked\r\nContent-Length: 4\r\n`, '0\r\n\r\n')],
    ['two different Content-Lengths', post('Content-Length: 2\r\nContent-Length: 40\r\n', '{}')],
    ['the same Content-Length twice', post('Content-Length: 2\r\nContent-Length: 2\r\n', '{}')],
    ['a list of Content-Lengths', post('Content-Length: 2, 2\r\n', '{}')],
    ['a signed Content-Length', post('Content-Length: +2\r\n', '{}')],
    ['a negative Content-Length', post('Content-Length: -2\r\n', '{}')],
    ['a hexadecimal Content-Length', post('Content-Length: 0x2\r\n', '{}')],
    ['a Content-Length beyond all numbers', post('Content-Length: 99999999999999999999\r\n', '{}')],
    ['chunked that is not last', post('Transfer-Encoding: chunked, identity\r\n', '0\r\n\r\n')],
    ['an unknown encoding', post('Transfer-Encoding: xchunked\r\n', '0\r\n\r\n')],
    ['identity', post('Transfer-Encoding: identity\r\n', '0\r\n\r\n')],
    [
      'chunked and another in two headers',
      post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', '0\r\n\r\n'),
    ],
    ['chunked behind a tab and a letter', post('Transfer-Encoding:\tchunkedx\r\n', '0\r\n\r\n')],
    ['a folded Transfer-Encoding', post('Transfer-Encoding:\r\n chunked\r\nContent-Length: 4\r\n', '0\r\n\r\n')],
    ['a space before the colon', post('Transfer-Encoding : chunked\r\n', '0\r\n\r\n')],
    ['a bare LF after a header', post('X-One: 1\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n')],
    ['a bare LF after the request line', `GET /v1/sessions HTTP/1.1\n${auth}\r\n`],
    ['a bare CR in a header', post('X-One: 1\rX-Two: 2\r\nContent-Length: 2\r\n', '{}')],
    ['a NUL in a header', post('X-One: a\0b\r\nContent-Length: 2\r\n', '{}')],
    ['a header without a name', post(': x\r\nContent-Length: 2\r\n', '{}')],
    ['a header that begins with a space', `GET /v1/sessions HTTP/1.1\r\n X-One: 1\r\n${auth}\r\n`],
    ['a chunk size that is none', post('Transfer-Encoding: chunked\r\n', 'zz\r\n{}\r\n0\r\n\r\n')],
    ['a chunk longer than it says', post('Transfer-Encoding: chunked\r\n', '2\r\n{}{}\r\n0\r\n\r\n')],
    ['a chunk size that overflows', post('Transfer-Encoding: chunked\r\n', 'fffffffffffffffff\r\n{}\r\n0\r\n\r\n')],
    ['two hosts', `GET /v1/sessions HTTP/1.1\r\nHost: other\r\n${auth}\r\n`],
    ['no host', 'GET /v1/sessions HTTP/1.1\r\n\r\n'],
  ])('%s', async (_what, request) => {
    const answers = answersIn(await exchange(gateway.port, request + smuggled))
    expect(answers).toHaveLength(1)
    expect(answers[0]!.status).toBe(400)
    expect(answers[0]!.headers['connection']).toBe('close')
    expect(seen.filter(({ url }) => url !== '/v1/agents')).toEqual([])
  })
})

describe('a credential that is sent twice is refused', () => {
  const twice = `Authorization: Bearer ${gatewayToken}\r\nauthorization: Bearer other\r\n`
  const upgrade =
    'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'

  test.each([
    ['over HTTP', `GET /v1/agents HTTP/1.1\r\nHost: edge\r\n${twice}Connection: close\r\n\r\n`],
    [
      'the same one',
      `GET /v1/agents HTTP/1.1\r\n${auth}Authorization: Bearer ${gatewayToken}\r\nConnection: close\r\n\r\n`,
    ],
    ['where a WebSocket is to be opened', `GET /ws HTTP/1.1\r\nHost: edge\r\n${twice}${upgrade}\r\n`],
  ])('%s', async (_what, request) => {
    const answer = await only(request)
    expect(answer.status).toBe(400)
    expect(answer.text).toContain('Authorization')
    expect(seen).toEqual([])
  })
})

describe('what is not HTTP/1.1 is refused', () => {
  test.each([
    ['HTTP/0.9', 'GET /health\r\n\r\n'],
    ['HTTP/2 with prior knowledge', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['HTTP/3.7', 'GET /health HTTP/3.7\r\nHost: x\r\n\r\n'],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['noise', '\0\x01\x02\xff\xfe'],
    ['a method of noise', '{} /health HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a space in the target', 'GET /he alth HTTP/1.1\r\nHost: x\r\n\r\n'],
  ])('%s', async (_what, bytes) => {
    expectError(await only(bytes), 400)
  })

  test('HTTP/1.0 is served, and its connection closed', async () => {
    expect((await only('GET /health HTTP/1.0\r\n\r\n')).status).toBe(200)
  })
})

describe('a target that could mean another path is refused', () => {
  test.each([
    ['absolute form', get('http://edge/v1/agents')],
    ['absolute form of another host', get('http://other/v1/agents')],
    ['asterisk form', get('*')],
    ['authority form', `GET edge:80 HTTP/1.1\r\n${auth}Connection: close\r\n\r\n`],
    ['dots', get('/v1/agents/../tenants')],
    ['one dot', get('/v1/agents/./x')],
    ['encoded dots', get('/v1/agents/%2e%2E/tenants')],
    ['dots at the end', get('/v1/agents/..')],
    ['a backslash', get('/v1/agents\\x')],
    ['NUL', get('/v1/agents/a%00b')],
    ['a fragment', get('/v1/agents#x')],
    ['broken encoding', get('/v1/agents/%zz')],
    ['bytes that are no UTF-8', get('/v1/agents/%ff%fe')],
  ])('%s', async (_what, request) => {
    expectError(await only(request), 400)
    expect(seen).toEqual([])
  })

  test.each(['a%2Fb', 'a%2f..%2f..%2ftenants', 'a%5c..%5ctenants'])('%s stays in its segment', async (id) => {
    expect((await only(get(`/v1/agents/${id}`))).status).toBe(200)
    expect(seen.map(({ url }) => url)).toEqual([`/v1/agents/${id}`])
  })

  test('dots inside a name are its own', async () => {
    expect((await only(get('/v1/agents/a..b'))).status).toBe(200)
  })

  test('CONNECT opens no tunnel', async () => {
    expectError(await only('CONNECT edge:80 HTTP/1.1\r\nHost: edge:80\r\n\r\n'), 405)
  })
})

describe('large heads', () => {
  test('headers over 16 KiB are 431', async () => {
    expectError(await only(get('/v1/agents', `X-Big: ${'a'.repeat(17_000)}\r\n`)), 431)
    expect((await only(get('/v1/agents', `X-Big: ${'a'.repeat(15_000)}\r\n`))).status).toBe(200)
  })

  test('more than 100 headers are 431', async () => {
    const headers = (count: number) => Array.from({ length: count }, (_, index) => `X-H${index}: 1\r\n`).join('')
    // Host, Authorization, user id and Connection are headers too.
    expectError(await only(get('/v1/agents', headers(97))), 431)
    expect((await only(get('/v1/agents', headers(96)))).status).toBe(200)
  })

  test('a request line that never ends is cut off', async () => {
    expectError(await only(`GET /${'a'.repeat(20_000)}`), 431)
  })

  test('a path over 8 KiB is 400', async () => {
    expectError(await only(get(`/v1/${'a'.repeat(9_000)}`)), 400)
  })
})

describe('slow clients', () => {
  test('headers that do not end are 408', async () => {
    const { socket, closed } = open(gateway.port, `GET /health HTTP/1.1\r\nHost: x\r\n`)
    const drip = setInterval(() => socket.write('X-A: 1\r\n'), 50)
    const [answer] = answersIn(await closed)
    clearInterval(drip)
    expectError(answer!, 408)
  })

  test('a connection that says nothing is closed', async () => {
    expect(await exchange(gateway.port, '')).toMatch(/^(HTTP\/1\.1 408 |$)/)
  })

  test('a body that drips is 408 and its service is let go', async () => {
    const { socket, closed } = open(gateway.port, post('Content-Length: 1000\r\n', '{'))
    const drip = setInterval(() => socket.write(' '), 50)
    const [answer] = answersIn(await closed)
    clearInterval(drip)
    expectError(answer!, 408)
    expect(seen).toEqual([])
  })

  test('a body that stops is 408, in chunks too', async () => {
    expectError(await only(post('Transfer-Encoding: chunked\r\n', '5\r\n{"na')), 408)
  })

  test('a body that comes slowly but steadily goes on', async () => {
    const piece = ' '.repeat(400)
    const { socket, closed } = open(gateway.port, post(`Connection: close\r\nContent-Length: ${20 * 400 + 2}\r\n`))
    for (let sent = 0; sent < 20; sent++) {
      socket.write(piece)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    socket.write('{}')
    expect(answersIn(await closed)[0]!.status).toBe(200)
    expect(seen[0]!.body.trim()).toBe('{}')
  })

  test('a reader that takes nothing is cut off', async () => {
    const { socket } = open(gateway.port, get('/v1/agents/flood'))
    await once(socket, 'data')
    socket.pause()
    // What the kernel holds is read to the end, which comes as a reset or a close.
    await floodEnded.promise
    const ended = new Promise((resolve) => socket.once('close', resolve))
    socket.resume()
    await ended
  })

  test('a client that closes its side after the request is answered or closed', async () => {
    const { socket, closed } = open(gateway.port)
    socket.end(get('/v1/agents'))
    expect(await closed).toMatch(/^(HTTP\/1\.1 200 |$)/)
  })

  test.each([
    ['a body over the limit', `POST /v1/agents HTTP/1.1\r\n${auth}Content-Type: application/json\r\n`, 413],
    ['a body from nobody', 'POST /v1/agents HTTP/1.1\r\nHost: edge\r\nContent-Type: application/json\r\n', 401],
    ['a body that the service has not read', `POST /v1/agents/import HTTP/1.1\r\n${auth}`, 400],
    ['a body after it was told to go on', `POST /v1/agents/import HTTP/1.1\r\n${auth}Expect: 100-continue\r\n`, 400],
  ])('a client that listens only once it has sent all gets the answer to %s', async (_what, head, status) => {
    const bytes = 30 * 1_048_576
    const { socket, closed } = open(gateway.port)
    socket.pause()
    socket.write(`${head}Content-Length: ${bytes}\r\n\r\n`)
    await new Promise((sent) => socket.write(Buffer.alloc(bytes, ' '), sent))
    socket.write(get('/v1/agents'))
    socket.resume()
    expect(answersIn(await closed).map((answer) => answer.status)).toEqual([status, 200])
  })

  test('a connection that idles between requests is closed', async () => {
    expect(answersIn(await exchange(gateway.port, 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n'))).toHaveLength(1)
  })
})

describe('proper but rare', () => {
  test('pipelined requests are answered in their order', async () => {
    const one = (id: string) => `GET /v1/agents/${id} HTTP/1.1\r\n${auth}X-Request-Id: ${id}\r\n\r\n`
    const answers = answersIn(
      await exchange(gateway.port, one('a') + one('b') + get('/v1/agents/c', 'X-Request-Id: c\r\n')),
    )
    expect(answers.map(({ status, headers }) => [status, headers['x-request-id']])).toEqual([
      [200, 'a'],
      [200, 'b'],
      [200, 'c'],
    ])
  })

  test('a client that waits to send its body is told to go on, once it is let in', async () => {
    const waiting = open(gateway.port, post('Expect: 100-continue\r\nConnection: close\r\nContent-Length: 2\r\n'))
    await once(waiting.socket, 'data')
    expect(waiting.received()).toBe('HTTP/1.1 100 Continue\r\n\r\n')
    waiting.socket.write('{}')
    expect(answersIn(await waiting.closed).map(({ status }) => status)).toEqual([200])
    expect(seen.map(({ body, headers }) => [body, headers['expect']])).toEqual([['{}', undefined]])
  })

  test('and is refused before its body where it is not let in, or its body is too large', async () => {
    const anonymous = 'POST /v1/agents HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n'
    const large = post('Expect: 100-continue\r\nContent-Length: 99999999\r\n')
    for (const [request, status] of [
      [anonymous, 401],
      [large, 413],
    ] as const) {
      const received = await exchange(gateway.port, request)
      expect(received).not.toContain('100 Continue')
      expectError(answersIn(received)[0]!, status)
    }
  })

  test('another expectation is nothing to us', async () => {
    expect((await only(get('/v1/agents', 'Expect: miracles\r\n'))).status).toBe(200)
  })

  test('an upgrade where there is none is answered as if it had not been asked for', async () => {
    const upgrade = (protocol: string) =>
      only(`GET /health HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: ${protocol}\r\n\r\n`)
    for (const protocol of ['websocket', 'h2c', 'x']) {
      const { status } = await upgrade(protocol)
      expect(status).not.toBe(101)
    }
  })

  test('HEAD has no body, and OPTIONS is 405 with what is allowed unless a listed page asks', async () => {
    const [head] = (
      await exchange(gateway.port, `HEAD /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    ).split('\r\n\r\n')
    expect(head).toMatch(/^HTTP\/1\.1 200 /)
    const options = (headers: string) =>
      only(`OPTIONS /v1/agents HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${headers}\r\n`)
    const refused = await options('')
    expectError(refused, 405)
    expect(refused.headers['allow']).toBe('GET, HEAD, POST')
    const preflight = await options('Origin: https://page.example\r\nAccess-Control-Request-Method: POST\r\n')
    expect([preflight.status, preflight.headers['access-control-allow-origin']]).toEqual([204, 'https://page.example'])
    const foreign = await options('Origin: https://other.example\r\nAccess-Control-Request-Method: POST\r\n')
    expect([foreign.status, foreign.headers['access-control-allow-origin']]).toEqual([405, undefined])
  })

  test('what does not exist is 404 in JSON', async () => {
    expectError(await only(get('/nothing/here')), 404)
  })
})

describe('a body that the edge has looked at reaches its service', () => {
  const invoke = `POST /v1/tools/invoke HTTP/1.1\r\n${auth}Connection: close\r\n`
  const dry = '{"tool":"x","dryRun":true}'

  test.each([
    ['whole', ['Content-Length: 26\r\n\r\n' + dry]],
    ['in two pieces', ['Content-Length: 26\r\n\r\n{"tool":', '"x","dryRun":true}']],
    ['in chunks', ['Transfer-Encoding: chunked\r\n\r\n8\r\n{"tool":\r\n', '12\r\n"x","dryRun":true}\r\n', '0\r\n\r\n']],
    ['after it was asked for', ['Content-Length: 26\r\nExpect: 100-continue\r\n\r\n', dry]],
  ])('%s', async (_, [first = '', ...pieces]) => {
    const { socket, closed } = open(gateway.port, invoke + first)
    for (const piece of pieces) {
      await sleep(20)
      socket.write(piece)
    }
    const received = await closed
    expect(received.split('100 Continue')).toHaveLength(first.includes('Expect') ? 2 : 1)
    expect(answersIn(received).at(-1)!.status).toBe(200)
    expect(seen.map(({ body }) => body)).toEqual([dry])
  })

  test.each([
    ['a chunked body that is empty is refused', 'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400, 0],
    ['a request without a body goes on', 'Content-Length: 0\r\n\r\n', 200, 1],
    ['a body over its limit is refused', 'Transfer-Encoding: chunked\r\n\r\n', 413, 0],
  ])('%s', async (_, rest, status, reached) => {
    const more = status === 413 ? `20000\r\n${'x'.repeat(0x20000)}\r\n`.repeat(9) : ''
    const [answer] = answersIn(await exchange(gateway.port, invoke + rest + more))
    expect([answer?.status, seen.length]).toEqual([status, reached])
  })
})

describe('headers of the client', () => {
  const headersSeen = async (headers: string) => {
    const answer = await only(get('/v1/agents', headers))
    expect(answer.status).toBe(200)
    return { answer, passed: seen[0]!.headers }
  }

  test('those that Connection names go no further, and none of ours can be named away', async () => {
    const { passed } = await headersSeen(
      'Connection: X-Secret, X-Request-Id, X-Mesh-Identity\r\nX-Secret: 1\r\nX-Request-Id: mine\r\nTE: trailers\r\nKeep-Alive: 5\r\n',
    )
    expect(passed).toMatchObject({ 'x-request-id': 'mine', 'x-forwarded-for': '127.0.0.1' })
    for (const name of ['x-secret', 'te', 'keep-alive', 'authorization']) expect(passed[name]).toBeUndefined()
  })

  test.each([['a b'], ['a"b'], ['a<script>'], ['a'.repeat(129)], ['\xff'], ['']])(
    'a request id like %p is replaced',
    async (id) => {
      const { answer, passed } = await headersSeen(`X-Request-Id: ${id}\r\n`)
      expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
      expect(passed['x-request-id']).toBe(answer.headers['x-request-id'])
    },
  )

  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
  const good = `00-${traceId}-00f067aa0ba902b7-01`

  test('a trace context that is well formed goes on', async () => {
    const { passed } = await headersSeen(`traceparent: ${good}\r\ntracestate: a=1\r\n`)
    expect([passed['traceparent'], passed['tracestate']]).toEqual([good, 'a=1'])
  })

  test.each([
    ['nonsense'],
    [good.toUpperCase()],
    [`ff${good.slice(2)}`],
    [`${good}-00`],
    [`00-${'0'.repeat(32)}-00f067aa0ba902b7-01`],
    [`00-${traceId}-${'0'.repeat(16)}-01`],
    [`${good}\r\ntraceparent: ${good}`],
    ['a'.repeat(2_000)],
  ])('a trace context like %s does not', async (value) => {
    const { passed } = await headersSeen(`traceparent: ${value}\r\ntracestate: a=1\r\n`)
    expect([passed['traceparent'], passed['tracestate']]).toEqual([undefined, undefined])
  })

  test('every answer of the edge forbids to sniff, to refer, to run and to frame', async () => {
    for (const request of [
      get('/nothing'),
      get('/health'),
      'GET /v1/agents HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    ]) {
      const { headers } = await only(request)
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      })
      expect(headers['x-powered-by'] ?? headers['server']).toBeUndefined()
    }
  })
})
