/** The edge in front of services in other processes, for which plain HTTP servers stand in. */
import { once } from 'node:events'
import { Agent, request, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { identityHeader, createIdentityTokens } from '@clawmesh/chassis'
import { bareMesh, meshSecret } from './support/bare-mesh.ts'
import { bearer, call } from './support/call.ts'
import { gatewayToken, startGateway, type StartedGateway } from './support/gateway.ts'
import { startUpstream, type Upstream } from './support/upstream.ts'
import { findFreePort } from '../../test/support/free-port.ts'

const authorized = bearer(gatewayToken)
const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

const upstreamOf = async (handler: RequestListener, port?: number): Promise<Upstream> => {
  const upstream = await startUpstream(handler, port)
  stops.push(upstream.stop)
  return upstream
}

/** An edge whose traces and agents live at the given URLs, without a rate limit. */
const edgeBefore = async (urls: string): Promise<StartedGateway> => {
  const mesh = bareMesh({ CLAWMESH_TRACES_HTTP_URL: urls, CLAWMESH_AGENTS_HTTP_URL: urls })
  const gateway = await startGateway(mesh, { CLAWMESH_RATE_LIMIT_RPM: '0' })
  stops.push(mesh.close, gateway.stop)
  return gateway
}

const edgeWith = async (handler: RequestListener): Promise<StartedGateway> =>
  edgeBefore((await upstreamOf(handler)).url)

const answerJson = (response: ServerResponse, body: object = {}) =>
  void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))

const echo: RequestListener = (incoming, response) => {
  const chunks: Buffer[] = []
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
  incoming.on('end', () =>
    answerJson(response, {
      method: incoming.method,
      url: incoming.url,
      headers: incoming.headers,
      body: Buffer.concat(chunks).toString(),
    }),
  )
}

interface Echo {
  method: string
  url: string
  headers: Record<string, string>
  body: string
}
const echoOf = (text: string) => JSON.parse(text) as Echo

describe('what a service gets', () => {
  it('is the method, path, query and body as they came', async () => {
    const { port } = await edgeWith(echo)
    const { text } = await call(port, '/v1/agents/a%2Fb/wake?x=%20y&x=2', {
      method: 'POST',
      headers: authorized,
      body: '{"m":1}',
    })
    expect(echoOf(text)).toMatchObject({ method: 'POST', url: '/v1/agents/a%2Fb/wake?x=%20y&x=2', body: '{"m":1}' })
  })

  it('is a caller the edge vouches for, and nothing the client says about itself', async () => {
    const { port } = await edgeWith(echo)
    const { text } = await call(port, '/v1/traces', {
      headers: {
        ...authorized,
        'x-goclaw-user-id': 'alice',
        'x-goclaw-tenant-id': 'master',
        'x-goclaw-sender-id': 'device',
        'x-goclaw-agent-id': 'helper',
        'x-goclaw-agent': 'helper-2',
        [identityHeader]: 'forged',
        'X-Mesh-Identity': 'forged too',
        'x-forwarded-for': '1.2.3.4',
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'https',
        'x-real-ip': '1.2.3.4',
        forwarded: 'for=1.2.3.4',
        cookie: 'session=1',
        connection: 'keep-alive, x-private',
        'x-private': 'for this hop only',
        'keep-alive': 'timeout=5',
        te: 'trailers',
        'proxy-authorization': 'Basic eDp5',
        'accept-language': 'vi',
      },
    })
    const { headers } = echoOf(text)
    const caller = await createIdentityTokens(meshSecret).verify(headers[identityHeader]!)
    expect(caller).toMatchObject({ userId: 'alice', role: 'admin', credential: 'gateway-token', locale: 'vi' })
    for (const name of [
      'authorization',
      'cookie',
      'forwarded',
      'keep-alive',
      'proxy-authorization',
      'te',
      'x-goclaw-sender-id',
      'x-goclaw-tenant-id',
      'x-goclaw-user-id',
      'x-forwarded-host',
      'x-forwarded-proto',
      'x-private',
      'x-real-ip',
    ])
      expect(headers[name]).toBeUndefined()
    expect(headers).toMatchObject({
      'x-goclaw-agent-id': 'helper',
      'x-goclaw-agent': 'helper-2',
      'x-forwarded-for': '127.0.0.1',
      connection: 'keep-alive',
    })
  })

  it('is the client’s request id when it is well formed, else a new one, which the client is told', async () => {
    const { port } = await edgeWith(echo)
    const idOf = async (headers: Record<string, string>) => {
      const { text, headers: answered } = await call(port, '/v1/traces', { headers: { ...authorized, ...headers } })
      expect(echoOf(text).headers['x-request-id']).toBe(answered['x-request-id'])
      return answered['x-request-id']
    }
    expect(await idOf({ 'x-request-id': 'My-id_1.2' })).toBe('My-id_1.2')
    expect(await idOf({})).toMatch(/^[0-9a-f-]{36}$/)
    expect(await idOf({ 'x-request-id': 'with space' })).toMatch(/^[0-9a-f-]{36}$/)
    expect(await idOf({ 'x-request-id': 'x'.repeat(129) })).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('is a connection that is kept, although clients close theirs', async () => {
    const sockets = new Set<unknown>()
    const { port } = await edgeWith((incoming, response) => {
      sockets.add(incoming.socket)
      answerJson(response)
    })
    for (let i = 0; i < 5; i++) await call(port, '/v1/traces', { headers: { ...authorized, connection: 'close' } })
    expect(sockets.size).toBe(1)
  })
})

describe('what a client gets', () => {
  it('is status, headers and body of the service, with the edge’s own headers', async () => {
    const { port } = await edgeWith((_, response) => {
      response.writeHead(418, { 'content-type': 'text/x', 'x-service': 'yes', 'keep-alive': 'timeout=1' }).end('tea')
    })
    const { status, headers, text } = await call(port, '/v1/traces', { headers: authorized })
    expect([status, text]).toEqual([418, 'tea'])
    expect(headers).toMatchObject({
      'content-type': 'text/x',
      'x-service': 'yes',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      connection: 'close',
    })
    expect(headers['keep-alive']).toBeUndefined()
  })

  it('comes as the service sends it, frame by frame', async () => {
    let proceed = () => undefined as void
    const { port } = await edgeWith((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: one\n\n')
      proceed = () => void response.end('data: two\n\n')
    })
    const sent = request({ port, path: '/v1/traces', headers: authorized }).end()
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    const [first] = (await once(answer, 'data')) as [Buffer]
    expect(first.toString()).toBe('data: one\n\n')
    proceed()
    const [second] = (await once(answer, 'data')) as [Buffer]
    expect(second.toString()).toBe('data: two\n\n')
  })

  it('is a broken answer, not a complete one, when the service breaks off', async () => {
    const { port } = await edgeWith((_, response) => {
      response.writeHead(200, { 'content-length': '1000' }).write('partial')
      setTimeout(() => response.destroy(), 50)
    })
    await expect(call(port, '/v1/traces', { headers: authorized })).rejects.toThrow(/aborted|hang up|ECONNRESET/)
  })

  it('ends a stream of events with an error when the service breaks off', async () => {
    const { port } = await edgeWith((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: one\n\ndata: ')
      setTimeout(() => response.destroy(), 50)
    })
    const { text } = await call(port, '/v1/messages', { method: 'POST', headers: authorized, body: '{}' })
    expect(text).toMatch(/^data: one\n\ndata: \n\nevent: error\ndata: \{"type":"error","error":.*\}\n\n$/)
  })

  it('is 503 in the form and language of the route when the service is not there', async () => {
    const { port } = await edgeBefore(`http://127.0.0.1:${await findFreePort()}`)
    const plain = await call(port, '/v1/traces', { headers: { ...authorized, 'accept-language': 'zh' } })
    expect(plain.status).toBe(503)
    expect(plain.headers['retry-after']).toBe('1')
    expect(plain.json()).toMatchObject({ code: 'UNAVAILABLE', retryable: true, retryAfterMs: 1000 })
    const chat = await call(port, '/v1/chat/completions', { method: 'POST', headers: authorized, body: '{}' })
    expect(chat.status).toBe(503)
    expect(chat.json()).toMatchObject({ error: { code: 'UNAVAILABLE', type: 'server_error', param: null } })
  })

  it('is 503 when the name of the service is not known', async () => {
    const { port } = await edgeBefore('http://no-such-service.invalid:8080')
    expect((await call(port, '/v1/traces', { headers: authorized })).status).toBe(503)
  })
})

describe('a client that goes away', () => {
  it('ends the service’s work, which would go on for ever', async () => {
    let closed: Promise<unknown> | undefined
    const { port } = await edgeWith((_, response) => {
      closed = once(response, 'close')
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(': started\n\n')
    })
    const sent = request({ port, path: '/v1/traces', headers: authorized }).end()
    sent.on('error', () => undefined)
    await once(sent, 'response')
    sent.destroy()
    await closed
  })

  it('ends it before the answer has begun, too', async () => {
    let arrived = () => undefined as void
    const started = new Promise<void>((resolve) => (arrived = resolve))
    let closed: Promise<unknown> | undefined
    const { port } = await edgeWith((_, response) => {
      closed = once(response, 'close')
      arrived()
    })
    const sent = request({ port, path: '/v1/agents/a/wake', method: 'POST', headers: authorized }).end('{}')
    sent.on('error', () => undefined)
    await started
    sent.destroy()
    await closed
  })

  it('leaves no upload behind', async () => {
    let received = 0
    let ended: Promise<unknown> | undefined
    const { port } = await edgeWith((incoming) => {
      ended = new Promise((resolve) => incoming.once('close', resolve))
      incoming.on('data', (chunk: Buffer) => (received += chunk.length))
      incoming.on('error', () => undefined)
    })
    const sent = request({
      port,
      path: '/v1/agents/a/wake',
      method: 'POST',
      headers: { ...authorized, 'content-length': '100000' },
    })
    sent.on('error', () => undefined)
    sent.write('x'.repeat(50_000))
    while (received < 50_000) await sleep(10)
    sent.destroy()
    await ended
    expect(received).toBe(50_000)
  })
})

it('makes a fast service wait for a slow reader instead of holding the answer', async () => {
  let written = 0
  const { port } = await edgeWith((_, response) => {
    response.writeHead(200)
    const chunk = Buffer.alloc(65_536)
    const more = () => {
      while (written < 256 * 1_048_576 && !response.destroyed) {
        written += chunk.length
        if (!response.write(chunk)) return void response.once('drain', more)
      }
    }
    more()
  })
  const socket = connect(port, '127.0.0.1')
  socket.write(`GET /v1/traces HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${gatewayToken}\r\n\r\n`)
  await once(socket, 'readable')
  await sleep(500)
  expect(written).toBeLessThan(32 * 1_048_576)
  socket.destroy()
})

describe('several replicas', () => {
  const named =
    (name: string): RequestListener =>
    (_, response) =>
      answerJson(response, { name })
  const nameFrom = async (port: number) => {
    const { text } = await call(port, '/v1/traces', { headers: authorized })
    return (JSON.parse(text) as { name: string }).name
  }

  it('get their turns', async () => {
    const urls = [await upstreamOf(named('a')), await upstreamOf(named('b'))].map(({ url }) => url)
    const { port } = await edgeBefore(urls.join(', '))
    const names = (await Promise.all(Array.from({ length: 40 }, () => nameFrom(port)))).toSorted()
    expect(names.filter((name) => name === 'a').length).toBeGreaterThan(10)
    expect(names.filter((name) => name === 'b').length).toBeGreaterThan(10)
  })

  it('take over for one that refuses, whatever the method', async () => {
    const gone = `http://127.0.0.1:${await findFreePort()}`
    const alive = await upstreamOf(echo)
    const { port } = await edgeBefore(`${gone},${alive.url}`)
    const statuses = await Promise.all(
      Array.from({ length: 20 }, () =>
        call(port, '/v1/agents/a/wake', { method: 'POST', headers: authorized, body: '{}' }).then(
          ({ status }) => status,
        ),
      ),
    )
    expect(statuses).toEqual(Array.from({ length: 20 }, () => 200))
  })

  it('are used again after they came back', async () => {
    const port = await findFreePort()
    const { port: edge } = await edgeBefore(`http://127.0.0.1:${port}`)
    expect((await call(edge, '/v1/traces', { headers: authorized })).status).toBe(503)
    await upstreamOf(echo, port)
    expect((await call(edge, '/v1/traces', { headers: authorized })).status).toBe(200)
  })
})

describe('a connection that breaks before the answer', () => {
  /** Breaks the first connection off at its second request, as a service that leaves may. */
  const leaving = () => {
    const counts = new Map<unknown, number>()
    const seen: string[] = []
    const handler: RequestListener = (incoming, response) => {
      const count = (counts.get(incoming.socket) ?? 0) + 1
      counts.set(incoming.socket, count)
      seen.push(incoming.method!)
      if (count === 2 && counts.size === 1) incoming.socket.destroy()
      else answerJson(response)
    }
    return { handler, seen }
  }

  it('is made good for a request that changes nothing', async () => {
    const { handler, seen } = leaving()
    const { port } = await edgeWith(handler)
    await call(port, '/v1/traces', { headers: authorized })
    expect((await call(port, '/v1/traces', { headers: authorized })).status).toBe(200)
    expect(seen).toEqual(['GET', 'GET', 'GET'])
  })

  it('is never repeated for one that may have changed something', async () => {
    const { handler, seen } = leaving()
    const { port } = await edgeWith(handler)
    const wake = () => call(port, '/v1/agents/a/wake', { method: 'POST', headers: authorized, body: '{}' })
    await wake()
    expect((await wake()).status).toBe(503)
    expect(seen).toEqual(['POST', 'POST'])
  })

  it('is given up when it happens again', async () => {
    let requests = 0
    const { port } = await edgeWith((incoming) => {
      requests++
      incoming.socket.destroy()
    })
    expect((await call(port, '/v1/traces', { headers: authorized })).status).toBe(503)
    expect(requests).toBe(2)
  })
})

describe('leaving', () => {
  it('asks clients to go elsewhere while still answering them', async () => {
    const { port, service } = await edgeWith(echo)
    const agent = new Agent({ keepAlive: true })
    const connectionOf = async () => {
      const sent = request({ port, path: '/v1/traces', headers: authorized, agent }).end()
      const [answer] = (await once(sent, 'response')) as [IncomingMessage]
      answer.resume()
      await once(answer, 'end')
      return answer.headers.connection
    }
    expect(await connectionOf()).toBe('keep-alive')
    service.lameDuck!()
    expect(await connectionOf()).toBe('close')
    agent.destroy()
  })

  it('lets a running answer end', async () => {
    const begun = Promise.withResolvers<() => void>()
    const { port, stop } = await edgeWith((_, response) => {
      response.writeHead(200).write('begun ')
      begun.resolve(() => void response.end('done'))
    })
    const answer = call(port, '/v1/traces', { headers: authorized })
    const finish = await begun.promise
    const stopped = stop()
    const refused = () =>
      call(port, '/health').then(
        () => false,
        (error: Error) => error.message.includes('ECONNREFUSED'),
      )
    while (!(await refused())) await sleep(10)
    finish()
    expect((await answer).text).toBe('begun done')
    await stopped
  })
})
