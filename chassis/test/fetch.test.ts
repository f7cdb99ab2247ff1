import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { MeshError } from '@clawmesh/contracts'
import { fetch } from 'undici'
import { keptConnections } from '../../test/support/limits.ts'
import { privateHosts, refusedAddresses } from '../../test/support/refused-addresses.ts'
import {
  blockedBy,
  checkPublicUrl,
  closeGuardedFetch,
  createGuardedDispatcher,
  guardedFetch,
  resolvePublicUrl,
  type GuardedFetchOptions,
  type Resolve,
} from '../src/fetch/index.ts'

const here = ['127.0.0.1']
const text = (body: Uint8Array): string => new TextDecoder().decode(body)
const answer =
  (...addresses: string[]): Resolve =>
  async () =>
    addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))

const refusal = async (promise: Promise<unknown>): Promise<string> => {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof MeshError)) throw new Error(`expected a MeshError, got ${String(error)}`)
  return `${error.code} ${error.message}`
}

let server: Server
let origin = ''
let requests: { url: string; headers: IncomingMessage['headers']; method: string; body: string }[] = []
let reply: (request: IncomingMessage, response: ServerResponse) => void = () => {}

const portOf = (listening: Server): number => (listening.address() as AddressInfo).port
const listen = (handler: (request: IncomingMessage, response: ServerResponse) => void): Promise<Server> =>
  new Promise((done) => {
    const made = createServer(keptConnections, handler).listen(0, '127.0.0.1', () => done(made))
  })

beforeAll(async () => {
  server = await listen((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
    request.on('end', () => {
      requests.push({ url: request.url ?? '', headers: request.headers, method: request.method ?? '', body })
      reply(request, response)
    })
  })
  origin = `http://127.0.0.1:${portOf(server)}`
})

beforeEach(() => {
  requests = []
  reply = (_, response) => response.end('hello')
})

afterAll(async () => {
  await closeGuardedFetch()
  server.closeAllConnections()
  server.close()
})

const redirectTo = (location: string, status = 302) => {
  reply = (request, response) => {
    if (request.url === '/start') response.writeHead(status, { location }).end()
    else response.end('arrived')
  }
}

describe('what is refused by its spelling', () => {
  test.each(privateHosts)('http://%s/', async (host) => {
    expect(() => checkPublicUrl(`http://${host}/`)).toThrow(MeshError)
    expect(await refusal(guardedFetch(`http://${host}:81/`))).toMatch(/^INVALID_REQUEST address not allowed: /)
    expect(await refusal(resolvePublicUrl(`https://${host}/x`))).toMatch(/^INVALID_REQUEST address not allowed: /)
  })

  test.each(refusedAddresses)('%s', async (url) => {
    expect(await refusal(guardedFetch(url))).toMatch(/^INVALID_REQUEST address not allowed: /)
  })

  test.each(['http://example.com/', 'https://8.8.8.8/', 'https://[2606:4700::1111]/', 'https://локалхост.example/'])(
    '%s passes the check for URLs to be saved',
    (url) => expect(checkPublicUrl(url).href).toBe(new URL(url).href),
  )

  test('a URL to be saved may name the own machine where that is said', () => {
    for (const url of ['http://localhost:11434/', 'http://127.0.0.1:11434/', 'http://[::1]:11434/']) {
      expect(() => checkPublicUrl(url)).toThrow(MeshError)
      expect(checkPublicUrl(url, { allowLoopback: true }).href).toBe(url)
    }
    expect(() => checkPublicUrl('http://10.0.0.1/', { allowLoopback: true })).toThrow(MeshError)
    expect(() => checkPublicUrl('http://a.localhost/', { allowLoopback: true })).toThrow(MeshError)
  })
})

describe('what is refused by its address', () => {
  test.each([
    ['127.0.0.1.nip.io', ['127.0.0.1']],
    ['a.example', ['10.0.0.1']],
    ['a.example', ['8.8.8.8', '169.254.169.254']],
    ['a.example', ['::ffff:127.0.0.1']],
    ['a.example', ['fd00::1', '2606:4700::1111']],
    ['a.example', ['fe80::1%eth0']],
  ])('%s that resolves to %j', async (host, addresses) => {
    const resolve = answer(...addresses)
    const reported = await refusal(guardedFetch(`http://${host}:${portOf(server)}/`, { resolve }))
    expect(reported).toBe('INVALID_REQUEST address not allowed: the host name leads to a private address')
    expect(await refusal(resolvePublicUrl(`http://${host}/`, { resolve }))).toBe(reported)
    expect(requests).toEqual([])
  })

  test('a name that turns private between the check and the connection', async () => {
    const answers = ['93.184.216.34', '127.0.0.1']
    const resolve: Resolve = async () => [{ address: answers.shift() ?? '127.0.0.1', family: 4 }]
    const url = `http://rebind.example:${portOf(server)}/`
    expect((await resolvePublicUrl(url, { resolve })).addresses).toEqual([{ address: '93.184.216.34', family: 4 }])
    expect(await refusal(guardedFetch(url, { resolve }))).toContain('private address')
    expect(requests).toEqual([])
  })

  test('the socket goes to the address that was checked: a name is resolved once', async () => {
    let lookups = 0
    const resolve: Resolve = async () => [{ address: ++lookups === 1 ? '127.0.0.1' : '127.0.0.2', family: 4 }]
    const answered = await guardedFetch(`http://once.example:${portOf(server)}/`, { resolve, allow: here })
    expect(text(answered.body)).toBe('hello')
    expect(lookups).toBe(1)
    expect(requests[0]?.headers.host).toBe(`once.example:${portOf(server)}`)
  })

  test('the dispatcher alone refuses names, literals and resolved addresses', async () => {
    const dispatcher = createGuardedDispatcher({ resolve: answer('127.0.0.1') })
    for (const host of ['localhost', '127.0.0.1', '[::1]', 'a.example']) {
      const error = await fetch(`http://${host}:${portOf(server)}/`, { dispatcher }).catch((thrown: unknown) => thrown)
      expect(blockedBy(error)?.key).toBe('error.url_blocked')
    }
    await dispatcher.destroy()
    expect(requests).toEqual([])
  })

  test('an unknown name is unavailable when fetched and refused when saved', async () => {
    const resolve: Resolve = async () => {
      throw Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' })
    }
    expect(await refusal(guardedFetch('http://nowhere.example/', { resolve }))).toMatch(/^UNAVAILABLE nowhere.example /)
    expect(await refusal(resolvePublicUrl('http://nowhere.example/', { resolve }))).toContain('does not resolve')
  })
})

describe('exceptions of the operator', () => {
  test('by address, by range and by name', async () => {
    for (const allow of [['127.0.0.1'], ['127.0.0.0/8'], [' 127.0.0.1/32 ']]) {
      expect((await guardedFetch(origin, { allow })).status).toBe(200)
    }
    const byName = { allow: ['ollama.local'], resolve: answer('127.0.0.1') }
    expect((await guardedFetch(`http://Ollama.Local.:${portOf(server)}/`, byName)).status).toBe(200)
  })

  test('a range does not open internal names, and one host does not open another', async () => {
    const resolve = answer('127.0.0.1')
    expect(await refusal(guardedFetch(`http://localhost:${portOf(server)}/`, { allow: here, resolve }))).toContain(
      'internal',
    )
    expect(await refusal(guardedFetch(`http://b.example/`, { allow: ['a.example'], resolve }))).toContain('private')
    expect(await refusal(guardedFetch('http://[::ffff:127.0.0.1]/', { allow: here }))).toContain('private')
  })

  test('a malformed range is a fault of the configuration', () => {
    for (const range of ['10.0.0.0/33', '10.0.0.0/', '10.0.0/8', '::/129', 'a.example/8', '10.0.0.0/-1']) {
      expect(() => createGuardedDispatcher({ allow: [range] })).toThrow(TypeError)
    }
  })
})

describe('domain policy', () => {
  const fetchIt = (host: string, policy: GuardedFetchOptions['policy']) =>
    guardedFetch(`http://${host}:${portOf(server)}/start`, { allow: here, resolve: answer('127.0.0.1'), policy })

  test('example.com is that host alone, *.example.com its sub-domains alone', async () => {
    expect((await fetchIt('example.com', { allowedDomains: ['example.com'] })).status).toBe(200)
    expect((await fetchIt('a.b.Example.com.', { allowedDomains: ['*.EXAMPLE.com'] })).status).toBe(200)
    for (const [host, pattern] of [
      ['a.example.com', 'example.com'],
      ['example.com', '*.example.com'],
      ['notexample.com', '*.example.com'],
      ['example.com.evil.net', 'example.com'],
    ] as const) {
      expect(await refusal(fetchIt(host, { allowedDomains: [pattern] }))).toContain('not on the allow list')
    }
    expect(await refusal(fetchIt('example.com', { allowedDomains: [] }))).toContain('not on the allow list')
  })

  test('the block list wins', async () => {
    const policy = { allowedDomains: ['*.example.com'], blockedDomains: ['bad.example.com'] }
    expect(await refusal(fetchIt('bad.example.com', policy))).toContain('domain is blocked')
    expect((await fetchIt('good.example.com', policy)).status).toBe(200)
  })

  test('holds for redirects too', async () => {
    redirectTo(`http://bad.example.com:${portOf(server)}/end`)
    expect(await refusal(fetchIt('good.example.com', { blockedDomains: ['bad.example.com'] }))).toContain('blocked')
    expect(requests.map(({ url }) => url)).toEqual(['/start'])
  })
})

describe('redirects', () => {
  const start = (options: GuardedFetchOptions = {}) => guardedFetch(`${origin}/start`, { allow: here, ...options })

  test.each([
    'http://10.0.0.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://[::1]/',
    'http://[::ffff:a9fe:a9fe]/',
    'http://2130706434/',
    'http://localhost/',
    'http://a@127.0.0.1/',
    'file:///etc/passwd',
    'gopher://127.0.0.1/',
    '//0x7f000002/',
    'http://',
  ])('to %s is refused', async (location) => {
    redirectTo(location)
    expect(await refusal(start())).toMatch(/^INVALID_REQUEST address not allowed: /)
    expect(requests.map(({ url }) => url)).toEqual(['/start'])
  })

  test('to a name that resolves to a private address is refused', async () => {
    redirectTo('http://inner.example/')
    const resolve = answer('10.0.0.7')
    expect(await refusal(start({ resolve }))).toContain('leads to a private address')
  })

  test('relative ones are followed and the final URL is told', async () => {
    redirectTo('/end?x=1')
    const answered = await start()
    expect([answered.status, answered.url, text(answered.body)]).toEqual([200, `${origin}/end?x=1`, 'arrived'])
  })

  test('three are followed, a fourth is refused', async () => {
    reply = (request, response) => {
      const left = Number(request.url?.slice(1))
      if (left > 0) response.writeHead(301, { location: `/${left - 1}` }).end()
      else response.end('there')
    }
    expect(text((await guardedFetch(`${origin}/3`, { allow: here })).body)).toBe('there')
    expect(await refusal(guardedFetch(`${origin}/4`, { allow: here }))).toContain('too many redirects')
    expect(await refusal(guardedFetch(`${origin}/1`, { allow: here, maxRedirects: 0 }))).toContain('too many redirects')
  })

  test('another origin sees no credentials, the same origin does', async () => {
    const other = await listen((request, response) => {
      requests.push({ url: 'other', headers: request.headers, method: request.method ?? '', body: '' })
      response.end()
    })
    const headers = { Authorization: 'Bearer s', Cookie: 'a=b', 'X-Goog-Api-Key': 'k', Accept: 'text/html' }
    redirectTo(`http://127.0.0.1:${portOf(other)}/`)
    await start({ headers })
    redirectTo('/end')
    await start({ headers })
    other.closeAllConnections()
    other.close()
    const seen = requests.filter(({ url }) => url !== '/start').map((request) => request.headers)
    expect(seen[0]).not.toHaveProperty('authorization')
    expect(seen[0]).not.toHaveProperty('cookie')
    expect(seen[0]).not.toHaveProperty('x-goog-api-key')
    expect(seen[0]).toHaveProperty('accept', 'text/html')
    expect(seen[1]).toMatchObject({ authorization: 'Bearer s', cookie: 'a=b', 'x-goog-api-key': 'k' })
  })

  test('303 and a redirected POST become GET, 307 repeats method and body', async () => {
    const post = { method: 'POST', body: '{"a":1}', headers: { 'content-type': 'application/json' } }
    for (const status of [302, 303, 307]) {
      redirectTo('/end', status)
      await start(post)
    }
    const ends = requests.filter(({ url }) => url === '/end')
    expect(ends.map(({ method, body }) => [method, body])).toEqual([
      ['GET', ''],
      ['GET', ''],
      ['POST', '{"a":1}'],
    ])
    expect(ends[0]?.headers).not.toHaveProperty('content-type')
  })
})

describe('limits', () => {
  test('the body is cut at maxBytes, counted after decompression', async () => {
    reply = (_, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(50_000_000)))
    const answered = await guardedFetch(origin, { allow: here, maxBytes: 1000 })
    expect([answered.body.length, answered.truncated]).toEqual([1000, true])
  })

  test('a body of exactly maxBytes is whole', async () => {
    const answered = await guardedFetch(origin, { allow: here, maxBytes: 5 })
    expect([text(answered.body), answered.truncated]).toEqual(['hello', false])
  })

  test('time runs out, in the headers and in the body', async () => {
    reply = () => {}
    expect(await refusal(guardedFetch(origin, { allow: here, timeoutMs: 50 }))).toMatch(/^AGENT_TIMEOUT /)
    reply = (_, response) => response.write('begun')
    expect(await refusal(guardedFetch(origin, { allow: here, timeoutMs: 50 }))).toMatch(/^AGENT_TIMEOUT /)
  })

  test('the caller can break off', async () => {
    reply = () => {}
    const signal = AbortSignal.timeout(30)
    expect(await refusal(guardedFetch(origin, { allow: here, signal }))).toMatch(/^CANCELLED /)
    expect(await refusal(guardedFetch(origin, { allow: here, signal: AbortSignal.abort() }))).toMatch(/^CANCELLED /)
  })

  test('a broken connection is unavailable, an error status is an answer', async () => {
    reply = (request) => request.socket.destroy()
    expect(await refusal(guardedFetch(origin, { allow: here }))).toMatch(/^UNAVAILABLE 127.0.0.1:\d+ /)
    reply = (_, response) => response.writeHead(404, { 'X-A': 'b' }).end('no')
    expect(await guardedFetch(origin, { allow: here })).toMatchObject({ status: 404, headers: { 'x-a': 'b' } })
  })
})
