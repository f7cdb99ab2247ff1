/** The hop from the edge to a service in another process behaves alike whatever carries it: the same table over both. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { request, type IncomingMessage, type RequestOptions } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import {
  createIdentityTokens,
  createLogger,
  eventStream,
  listen,
  nodeHandler,
  type HttpExchange,
  type HttpResponse,
  type Incoming,
  type Outgoing,
} from '@clawmesh/chassis'
import { startRpcServer } from '@clawmesh/chassis/grpc-server'
import { findFreePort } from '../../test/support/free-port.ts'
import { openTcpProxy, type TcpProxy } from '../../test/support/tcp-proxy.ts'
import { bareMesh, meshSecret } from './support/bare-mesh.ts'
import { bearer, call } from './support/call.ts'
import { gatewayToken, startGateway } from './support/gateway.ts'

const authorized = bearer(gatewayToken)
const tokens = createIdentityTokens(meshSecret)
const log = createLogger({ level: 'silent', name: 'test' })
const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})
const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await pause(5)
}

type Transport = 'link' | 'http'

interface Replica {
  port: number
  /** Between it and the edge. */
  proxy: TcpProxy
  /** Takes nothing new and waits for what is open. */
  drain: (timeoutMs: number) => Promise<void>
  stop: () => Promise<void>
}

/** A replica of a service that answers everything by an exchange. */
const startReplica = async (transport: Transport, exchange: HttpExchange): Promise<Replica> => {
  const started =
    transport === 'http'
      ? await listen(nodeHandler(tokens, exchange), '127.0.0.1', 0)
      : await startRpcServer({
          host: '127.0.0.1',
          port: 0,
          services: [],
          http: new Map(['traces', 'agents'].map((service) => [service, exchange])),
          tokens,
          log,
          maxConnectionAgeMs: 600_000,
        })
  const proxy = await openTcpProxy('127.0.0.1', started.port)
  const replica: Replica = {
    port: proxy.port,
    proxy,
    drain: 'drainHttp' in started ? started.drainHttp : started.drain,
    stop: async () => {
      await proxy.shut()
      await started.drain(0)
    },
  }
  undo.push(replica.stop)
  return replica
}

/** An edge whose traces and agents are at the given ports. */
const edgeBefore = async (transport: Transport, ...ports: number[]): Promise<number> => {
  const [http, grpc] = [
    ports.map((port) => `http://127.0.0.1:${port}`).join(','),
    `ipv4:${ports.map((port) => `127.0.0.1:${port}`).join(',')}`,
  ]
  const mesh = bareMesh({
    CLAWMESH_EDGE_TRANSPORT: transport,
    CLAWMESH_TRACES_HTTP_URL: http,
    CLAWMESH_AGENTS_HTTP_URL: http,
    CLAWMESH_TRACES_GRPC_URL: grpc,
    CLAWMESH_AGENTS_GRPC_URL: grpc,
  })
  const gateway = await startGateway(mesh, { CLAWMESH_RATE_LIMIT_RPM: '0' })
  undo.push(mesh.close, gateway.stop)
  return gateway.port
}

const whole = (body: unknown, status = 200, headers: Record<string, string> = {}): Outgoing => {
  const text = JSON.stringify(body)
  const framed = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)), ...headers }
  return { kind: 'whole', status, headers: framed, body: text, isError: false }
}
const streamed = (write: (response: HttpResponse) => Promise<void>): Outgoing => ({
  kind: 'stream',
  write: async (response) => void (await write(response)),
})
const hashOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

const echo: HttpExchange = async ({ method, url, headers, body, caller }) => {
  const bytes = await body(2_000_000)
  return whole({ method, url, headers, caller: await caller(), size: bytes.length, hash: hashOf(bytes) })
}
const never: HttpExchange = () => new Promise<Outgoing>(() => undefined)

/** Begins a request; its error is nobody's. */
const begin = (port: number, options: RequestOptions = {}) => {
  const sent = request({
    port,
    host: '127.0.0.1',
    path: '/v1/traces',
    agent: false,
    ...options,
    headers: { ...authorized, ...options.headers },
  })
  sent.on('error', () => undefined)
  return sent
}
const answerTo = async (sent: ReturnType<typeof begin>): Promise<IncomingMessage> => {
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  return answer
}
const wake = { path: '/v1/agents/a/wake', method: 'POST' }

describe.each(['link', 'http'] as const)('over %s', (transport) => {
  const edgeWith = async (exchange: HttpExchange): Promise<number> =>
    edgeBefore(transport, (await startReplica(transport, exchange)).port)

  it('a request arrives as it was sent, without what the client says of itself, with a caller who is vouched for', async () => {
    const port = await edgeWith(echo)
    const body = '{"m":"王"}'
    const { json } = await call(port, '/v1/agents/a%2Fb/wake?x=%20y&x=2', {
      method: 'POST',
      headers: {
        ...authorized,
        'x-goclaw-user-id': 'alice',
        'x-goclaw-sender-id': 'device',
        'x-goclaw-agent': 'helper',
        'x-mesh-identity': 'forged',
        'x-forwarded-for': '1.2.3.4',
        forwarded: 'for=1.2.3.4',
        cookie: 'session=1',
        connection: 'keep-alive, x-private',
        'x-private': 'for this hop only',
        'x-request-id': 'r-1',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        tracestate: 'a=1',
        'accept-language': 'vi',
      },
      body,
    })
    const seen = json() as { headers: Record<string, string> }
    expect(seen).toMatchObject({
      method: 'POST',
      url: '/v1/agents/a%2Fb/wake?x=%20y&x=2',
      caller: { userId: 'alice', role: 'admin', locale: 'vi' },
      size: Buffer.byteLength(body),
      hash: hashOf(Buffer.from(body)),
      headers: {
        'x-goclaw-agent': 'helper',
        'x-forwarded-for': '127.0.0.1',
        'x-request-id': 'r-1',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        tracestate: 'a=1',
      },
    })
    for (const name of ['authorization', 'cookie', 'forwarded', 'x-private', 'x-goclaw-sender-id', 'x-goclaw-user-id'])
      expect(seen.headers[name]).toBeUndefined()
    expect(seen.headers['x-mesh-identity'] ?? '').not.toBe('forged')
  })

  it.each([0, 1, 16_384, 16_385, 262_144, 1_000_000])(
    'a body of %d bytes arrives whole, with a length and in chunks',
    async (size) => {
      const port = await edgeWith(echo)
      const body = Buffer.alloc(size, 'clawmesh ')
      for (const headers of [{ 'content-length': String(size) }, { 'transfer-encoding': 'chunked' }]) {
        const sent = begin(port, { ...wake, headers })
        sent.end(body)
        const answer = await answerTo(sent)
        const chunks = await answer.toArray()
        expect(JSON.parse(Buffer.concat(chunks as Buffer[]).toString())).toMatchObject({ size, hash: hashOf(body) })
      }
    },
  )

  it('an answer leaves as it was given, under the edge’s own headers', async () => {
    const port = await edgeWith(async () => whole('tea', 418, { 'x-service': 'yes', 'keep-alive': 'timeout=1' }))
    const { status, text, headers } = await call(port, '/v1/traces', { headers: authorized })
    expect([status, text]).toEqual([418, '"tea"'])
    expect(headers).toMatchObject({ 'x-service': 'yes', 'content-length': '5', 'x-content-type-options': 'nosniff' })
    expect(headers['keep-alive']).toBeUndefined()
  })

  it('one of many megabytes is whole, whatever its pieces', async () => {
    const text = 'x'.repeat(3_000_000)
    const port = await edgeWith(async ({ url }) =>
      url.endsWith('?whole')
        ? whole(text)
        : streamed(async (response) => {
            for (let at = 0; at < 30; at++) response.write(text.slice(0, 100_000))
            response.end()
          }),
    )
    expect((await call(port, '/v1/traces?whole', { headers: authorized })).text).toBe(JSON.stringify(text))
    expect((await call(port, '/v1/traces', { headers: authorized })).text).toBe(text)
  })

  it('HEAD, 204 and 304 have no body, and the connection goes on', async () => {
    const port = await edgeWith(async ({ url }) => {
      const status = Number(url.split('?')[1])
      return status === 200
        ? whole('body')
        : streamed(async (response) => void response.writeHead(status, { etag: '"1"' }).end())
    })
    const head = await call(port, '/v1/traces?200', { method: 'HEAD', headers: authorized })
    expect([head.status, head.text, head.headers['content-length']]).toEqual([200, '', '6'])
    for (const status of [204, 304]) {
      const { headers, ...answer } = await call(port, `/v1/traces?${status}`, { headers: authorized })
      expect([answer.status, answer.text, headers.etag]).toEqual([status, '', '"1"'])
    }
  })

  it('events come one by one, at once', async () => {
    let proceed = () => undefined as void
    const port = await edgeWith(async () =>
      streamed(async (response) => {
        const events = eventStream(response)
        await events.send('one')
        await new Promise<void>((resolve) => (proceed = resolve))
        await events.send('two')
        events.end()
      }),
    )
    const answer = await answerTo(begin(port).end())
    const [first] = (await once(answer, 'data')) as [Buffer]
    expect(first.toString()).toBe('data: one\n\n')
    const ended = once(answer, 'end')
    proceed()
    const [second] = (await once(answer, 'data')) as [Buffer]
    expect(second.toString()).toBe('data: two\n\n')
    await ended
  })

  it('an answer that breaks off is a broken one, not a complete one', async () => {
    const port = await edgeWith(async () =>
      streamed(async (response) => {
        response.writeHead(200, { 'content-type': 'text/plain' }).write('partial')
        await pause(20)
        response.destroy()
      }),
    )
    await expect(call(port, '/v1/traces', { headers: authorized })).rejects.toThrow(/aborted|hang up|ECONNRESET/)
  })

  it('a stream of events that breaks off ends with an error', async () => {
    const port = await edgeWith(async () =>
      streamed(async (response) => {
        const events = eventStream(response)
        await events.send('one')
        await pause(20)
        response.destroy()
      }),
    )
    const { text } = await call(port, '/v1/traces', { headers: authorized })
    expect(text).toMatch(/^data: one\n\n\n\ndata: \{"error":.*"code":"UNAVAILABLE".*\}\n\n$/)
  })

  it.each(['before', 'after'])('a client that leaves %s the head ends the work', async (when) => {
    const gone = Promise.withResolvers<void>()
    const arrived = Promise.withResolvers<void>()
    const port = await edgeWith(async ({ signal }) => {
      signal().addEventListener('abort', () => gone.resolve())
      arrived.resolve()
      if (when === 'before') return never({} as Incoming)
      return streamed(async (response) => {
        await eventStream(response).send('begun')
        await once(response, 'close')
      })
    })
    const sent = begin(port).end()
    if (when === 'after') await answerTo(sent)
    await arrived.promise
    sent.destroy()
    await gone.promise
  })

  it('of an upload that is given up no more arrives, and nobody takes it for whole', async () => {
    const failed = Promise.withResolvers<unknown>()
    const arrived = Promise.withResolvers<void>()
    const port = await edgeWith(async ({ body }) => {
      arrived.resolve()
      await body(1_000_000).catch((thrown: unknown) => failed.resolve(thrown))
      return whole('')
    })
    const sent = begin(port, { ...wake, headers: { 'content-length': '100000' } })
    sent.write('x'.repeat(50_000))
    await arrived.promise
    sent.destroy()
    expect(await failed.promise).toHaveProperty('message')
  })

  it('a body over the limit is refused while it comes', async () => {
    const port = await edgeWith(async ({ body }) => {
      const code = await body(100_000).then(
        () => 'taken',
        (thrown: { code: string }) => thrown.code,
      )
      const answer = whole(code, 413)
      return answer.kind === 'whole' ? { ...answer, isError: true } : answer
    })
    const sent = begin(port, { ...wake, headers: { 'transfer-encoding': 'chunked' } })
    sent.write(Buffer.alloc(150_000))
    const answer = await answerTo(sent)
    const [text] = (await once(answer, 'data')) as [Buffer]
    expect([answer.statusCode, text.toString()]).toEqual([413, '"PAYLOAD_TOO_LARGE"'])
    sent.destroy()
  })

  it('a client that waits to be told to go on is told so', async () => {
    const port = await edgeWith(echo)
    const sent = begin(port, { ...wake, headers: { expect: '100-continue', 'content-length': '4' } })
    sent.flushHeaders()
    await once(sent, 'continue')
    sent.end('body')
    expect((await answerTo(sent)).statusCode).toBe(200)
  })

  it('a fast service waits for a slow reader', async () => {
    let written = 0
    const port = await edgeWith(async () =>
      streamed(async (response) => {
        for (; written < 256 * 1_048_576 && !response.destroyed; written += 65_536)
          if (!response.write(Buffer.alloc(65_536)))
            await new Promise<void>((resolve) => response.once('drain', resolve))
      }),
    )
    const socket = connect(port, '127.0.0.1')
    socket.write(`GET /v1/traces HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${gatewayToken}\r\n\r\n`)
    await once(socket, 'readable')
    await pause(300)
    expect(written).toBeLessThan(32 * 1_048_576)
    socket.destroy()
  })

  it('where nobody is there it is 503 with Retry-After, and the next request after one has come is answered', async () => {
    const replica = await startReplica(transport, echo)
    const port = await edgeBefore(transport, replica.port)
    await replica.proxy.shut()
    const refused = await call(port, '/v1/agents/a/wake', { method: 'POST', headers: authorized, body: '{}' })
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, '1'])
    await replica.proxy.open()
    for (;;) {
      const { status } = await call(port, '/v1/traces', { headers: authorized })
      if (status === 200) break
      expect(status).toBe(503)
      await pause(20)
    }
  })

  it('a replica that cannot be reached is passed over, whatever the method', async () => {
    const alive = await startReplica(transport, echo)
    const port = await edgeBefore(transport, await findFreePort(), alive.port)
    const statuses = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const { status } = await call(port, '/v1/agents/a/wake', { method: 'POST', headers: authorized, body: '{}' })
        return status
      }),
    )
    expect(new Set(statuses)).toEqual(new Set([200]))
  })

  it.each([
    ['made good for a request that changes nothing', 'GET', 200, 2],
    ['never repeated for one that may have changed something', 'POST', 503, 1],
  ])('a connection that breaks before the answer is %s', async (_what, method, status, times) => {
    let asked = 0
    const replica: Replica = await startReplica(transport, async (incoming) => {
      if (asked++ > 0) return echo(incoming)
      await replica.proxy.shut()
      await replica.proxy.open()
      return never(incoming)
    })
    const port = await edgeBefore(transport, replica.port)
    const path = method === 'GET' ? '/v1/traces' : wake.path
    const body = method === 'GET' ? {} : { body: '{}' }
    expect((await call(port, path, { method, headers: authorized, ...body })).status).toBe(status)
    expect(asked).toBe(times)
  })

  it('a replica that leaves ends what it has begun, within the time it is given, and says what it cuts off', async () => {
    const goOn = Promise.withResolvers<void>()
    let begun = 0
    const replica = await startReplica(transport, async ({ url }) => {
      if (url.endsWith('?unanswered')) begun++
      if (url.endsWith('?unanswered')) return never({} as Incoming)
      return streamed(async (response) => {
        const events = eventStream(response)
        await events.send('begun')
        begun++
        if (url.endsWith('?for-ever')) return void (await once(response, 'close'))
        await goOn.promise
        await events.send('done')
        events.end()
      })
    })
    const port = await edgeBefore(transport, replica.port)
    const asked = ['?ends', '?for-ever', '?unanswered'].map((query) =>
      call(port, `/v1/traces${query}`, { headers: authorized }),
    )
    await until(() => begun === 3)
    const drained = replica.drain(500)
    goOn.resolve()
    const [ends, cut, unanswered] = await Promise.all(asked)
    await drained
    expect(ends!.text).toBe('data: begun\n\ndata: done\n\n')
    expect(cut!.text).toMatch(/^data: begun\n\n.*data: \{"error":.*UNAVAILABLE.*\}\n\n$/s)
    expect([unanswered!.status, unanswered!.json()['code']]).toEqual([503, 'UNAVAILABLE'])
  })
})

describe('over links', () => {
  it('what a leaving replica has refused is done by another one, long uploads too, and none twice', async () => {
    const seen: string[] = []
    const noted: HttpExchange = (incoming) => {
      seen.push(String(incoming.headers['x-request-id']))
      return echo(incoming)
    }
    const replicas = [await startReplica('link', noted), await startReplica('link', noted)]
    const port = await edgeBefore('link', ...replicas.map((replica) => replica.port))
    const ask = async (id: number) => {
      const body = Buffer.alloc(200_000, String(id))
      const headers = { 'transfer-encoding': 'chunked', 'x-request-id': `ask-${id}` }
      const sent = begin(port, { ...wake, headers })
      sent.end(body)
      const chunks = await (await answerTo(sent)).toArray()
      expect(JSON.parse(Buffer.concat(chunks as Buffer[]).toString())).toMatchObject({ hash: hashOf(body) })
    }
    // Both links are open before one of the two takes nothing any more, without a word.
    for (let id = 0; id < 4; id++) await ask(id)
    await replicas[0]!.drain(1_000)
    for (let id = 4; id < 14; id++) await ask(id)
    expect(seen).toEqual(Array.from({ length: 14 }, (_, id) => `ask-${id}`))
  })

  it('a service of an earlier release, which knows HTTP only, gets its requests so', async () => {
    const plain = await startReplica('http', echo)
    const rpc = await startRpcServer({
      host: '127.0.0.1',
      port: 0,
      services: [],
      tokens,
      log,
      maxConnectionAgeMs: 600_000,
    })
    undo.push(() => rpc.drain(0))
    const mesh = bareMesh({
      CLAWMESH_AGENTS_HTTP_URL: `http://127.0.0.1:${plain.port}`,
      CLAWMESH_AGENTS_GRPC_URL: `ipv4:127.0.0.1:${rpc.port}`,
      CLAWMESH_EDGE_TRANSPORT: 'link',
    })
    const gateway = await startGateway(mesh, { CLAWMESH_RATE_LIMIT_RPM: '0' })
    undo.push(mesh.close, gateway.stop)
    for (const body of ['{}', 'x'.repeat(100_000)]) {
      const answer = await call(gateway.port, wake.path, { method: 'POST', headers: authorized, body })
      expect(answer.json()).toMatchObject({ size: body.length, caller: { role: 'admin' } })
    }
  })
})
