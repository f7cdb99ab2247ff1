/** The way out of a browser, spoken to as a browser does; and how it hears from one. */
import { createServer as createHttpServer, request as httpRequest, type Server } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { Resolve } from '@clawmesh/chassis/fetch'
import { privateHosts } from '../../../test/support/refused-addresses.ts'
import { findBrowser, isLoopback } from '../src/browser/find.ts'
import { createGuardingProxy, credentialsUrl, type GuardingProxy, type ProxyLease } from '../src/browser/proxy.ts'
import { createPipeTransport } from '../src/browser/transport.ts'

let site: Server
let sitePort: number
let seen: { url: string; headers: Record<string, unknown> }[] = []
let proxy: GuardingProxy
let proxyPort: number
let lease: ProxyLease
/** Where names lead; one after the other where there are several. */
let names: Record<string, string[]> = {}

const resolve: Resolve = async (hostname) => {
  const [address, ...others] = names[hostname] ?? []
  if (address === undefined) throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })
  if (others.length > 0) names[hostname] = others
  return [{ address, family: address.includes(':') ? 6 : 4 }]
}

beforeAll(async () => {
  site = createHttpServer((request, response) => {
    seen.push({ url: request.url ?? '', headers: request.headers })
    response.writeHead(200, { 'x-site': 'yes', 'set-cookie': ['a=1', 'b=2'] }).end(`at ${request.url}`)
  })
  await new Promise<void>((done) => site.listen(0, '127.0.0.1', done))
  sitePort = (site.address() as AddressInfo).port
  // As if the site stood on the open net.
  proxy = createGuardingProxy({ resolve, allow: ['127.0.0.1'], policy: { blockedDomains: ['blocked.example'] } })
  proxyPort = await proxy.listen({ host: '127.0.0.1', port: 0 })
})
beforeEach(() => {
  seen = []
  names = { 'site.example': ['127.0.0.1'], 'inside.example': ['10.0.0.1'], 'blocked.example': ['127.0.0.1'] }
  lease = proxy.lease()
})
afterEach(() => lease.end())
afterAll(async () => {
  await proxy.close()
  site.closeAllConnections()
  site.close()
})

const basic = (of: Pick<ProxyLease, 'username' | 'password'>) =>
  `Basic ${Buffer.from(`${of.username}:${of.password}`).toString('base64')}`

/** The status of a plain request, 0 where there is no answer at all, and the body. */
const get = (url: string, credentials = basic(lease)): Promise<{ status: number; body: string; headers: object }> =>
  new Promise((done) => {
    const headers = { 'proxy-authorization': credentials, 'x-own': '1', connection: 'keep-alive', host: 'x' }
    const asking = httpRequest({ host: '127.0.0.1', port: proxyPort, path: url, headers, agent: false }, (answer) => {
      void text(answer).then((body) => done({ status: answer.statusCode ?? 0, body, headers: answer.headers }))
    })
    asking.on('error', () => done({ status: 0, body: '', headers: {} }))
    asking.end()
  })

/** What a request is answered with as it is written; of a tunnel, with what comes through it. */
const ask = (line: string, credentials: string): Promise<string> =>
  new Promise((done) => {
    const socket = connect(proxyPort, '127.0.0.1')
    let said = ''
    socket.on('error', () => done(said))
    socket.on('close', () => done(said))
    socket.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      if (said.startsWith('HTTP/1.1 200 Connection') && !said.includes('x-site'))
        socket.write('GET /through HTTP/1.1\r\nHost: site\r\nConnection: close\r\n\r\n')
    })
    socket.write(`${line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nProxy-Authorization: ${credentials}\r\n\r\n`)
  })
const tunnel = (authority: string, credentials = basic(lease)) => ask(`CONNECT ${authority}`, credentials)

describe('the guarding proxy', () => {
  it('carries plain requests, without what is between it and the browser', async () => {
    const answer = await get(`http://site.example:${sitePort}/page?q=1`)
    expect(answer).toMatchObject({ status: 200, body: 'at /page?q=1', headers: { 'x-site': 'yes' } })
    expect(answer.headers).toMatchObject({ 'set-cookie': ['a=1', 'b=2'] })
    expect(seen[0]!.headers).toMatchObject({ 'x-own': '1', host: `site.example:${sitePort}` })
    expect(seen[0]!.headers).not.toHaveProperty('proxy-authorization')
  })

  it('carries tunnels', async () => {
    expect(await tunnel(`site.example:${sitePort}`)).toMatch(/^HTTP\/1.1 200 Connection established[^]*at \/through/)
    expect(await tunnel(`127.0.0.1:${sitePort}`)).toContain('at /through')
  })

  it('answers nobody without credentials of its own', async () => {
    const ended = proxy.lease()
    ended.end()
    for (const wrong of ['', 'Basic !', basic({ ...lease, password: 'x' }), basic(ended), 'Bearer x']) {
      expect((await get(`http://site.example:${sitePort}/`, wrong)).status).toBe(407)
      expect(await tunnel(`site.example:${sitePort}`, wrong)).toMatch(/^HTTP\/1.1 407/)
      expect((await get(credentialsUrl, wrong)).status).toBe(407)
    }
    expect(await get(credentialsUrl)).toMatchObject({ status: 200, body: 'ready' })
    expect(seen).toEqual([])
  })

  describe('where nothing is opened', () => {
    const strict = createGuardingProxy({ resolve })
    const strictLease = strict.lease()
    let opened: number
    beforeAll(async () => {
      opened = proxyPort
      proxyPort = await strict.listen({ host: '127.0.0.1', port: 0 })
    })
    afterAll(async () => {
      await strict.close()
      proxyPort = opened
    })

    it.each(privateHosts)('reaches nothing at %s', async (host) => {
      expect(await ask(`GET http://${host}:${sitePort}/`, basic(strictLease))).not.toMatch(/^HTTP\/1.1 2/)
      expect(await tunnel(`${host}:${sitePort}`, basic(strictLease))).not.toMatch(/^HTTP\/1.1 2/)
      expect(seen).toEqual([])
    })
  })

  it('follows the policy of domains', async () => {
    expect((await get(`http://blocked.example:${sitePort}/`)).status).toBe(0)
    expect(await tunnel(`blocked.example:${sitePort}`)).toMatch(/^HTTP\/1.1 403/)
    expect(lease.takeRefusal()).toContain('domain is blocked')
    expect(lease.takeRefusal()).toBeUndefined()
  })

  it('connects to the address that it has checked, whatever the name says a moment later', async () => {
    names['rebind.example'] = ['127.0.0.1', '10.0.0.1', '169.254.169.254']
    expect((await get(`http://rebind.example:${sitePort}/`)).status).toBe(200)
    expect(await tunnel(`rebind.example:${sitePort}`)).toMatch(/^HTTP\/1.1 403/)
    expect(await tunnel(`rebind.example:${sitePort}`)).toMatch(/^HTTP\/1.1 403/)
    expect(await tunnel(`inside.example:80`)).toMatch(/^HTTP\/1.1 403/)
  })

  it.each([
    'site.example',
    'site.example:0',
    'site.example:65536',
    ':80',
    'a@site.example:80',
    'site.example:80/x',
    'x y:80',
  ])('tunnels to no %j', async (authority) => {
    expect(await tunnel(authority)).not.toMatch(/^HTTP\/1.1 200/)
  })

  it.each(['/page', 'https://site.example/', 'file:///etc/passwd', 'ftp://site.example/'])(
    'carries no request for %s',
    async (url) => {
      expect((await get(url)).status).toBe(0)
      expect(seen).toEqual([])
    },
  )

  it('ends what is under way with the credentials', async () => {
    const socket = connect(proxyPort, '127.0.0.1')
    const closed = new Promise((done) => socket.once('close', done))
    socket.write(`CONNECT site.example:${sitePort} HTTP/1.1\r\nProxy-Authorization: ${basic(lease)}\r\n\r\n`)
    await new Promise((done) => socket.once('data', done))
    socket.resume()
    lease.end()
    await closed
  })
})

describe('what a browser says', () => {
  const limits = { messageBytes: 1_000, burstBytes: 10_000, bytesPerSecond: 1_000_000 }
  const listening = (fail = () => undefined as void) => {
    const [input, output] = [new PassThrough(), new PassThrough()]
    const transport = createPipeTransport(input, output, fail, limits)
    const heard: string[] = []
    transport.onmessage = (message) => heard.push(message)
    return { input, output, transport, heard }
  }
  const passed = () => new Promise((done) => setImmediate(done))

  it('is read message by message, wherever it is cut', async () => {
    const { output, heard, transport, input } = listening()
    const text = '{"a":"é"}\0{"b":1}\0{"c"'
    for (const byte of Buffer.from(text)) output.write(Buffer.from([byte]))
    output.write(':2}\0')
    await passed()
    expect(heard).toEqual(['{"a":"é"}', '{"b":1}', '{"c":2}'])
    transport.send('{"id":1}')
    expect(String(input.read())).toBe('{"id":1}\0')
  })

  it('ends it where one message is longer than is read', async () => {
    let failed = false
    const { output, heard } = listening(() => {
      failed = true
    })
    output.write('x'.repeat(2_000))
    await passed()
    expect([failed, heard]).toEqual([true, []])
  })

  it('waits where it is more than may come at once, and is all there in the end', async () => {
    const { output, heard } = listening()
    for (let at = 0; at < 100; at++) output.write(`${'y'.repeat(900)}\0`)
    output.end()
    await passed()
    expect(output.isPaused()).toBe(true)
    await new Promise((done) => output.once('end', done))
    expect(heard).toHaveLength(100)
  })
})

describe('which browser there is', () => {
  const settings = {
    browserEnabled: true,
    browserPath: '/bin/sh',
    browserOnHost: false,
    browserRemoteUrl: '',
    browserProxyAddress: '',
  }
  const noSandbox = async () => ({ missing: 'no bubblewrap' })
  const sandbox = { wrap: () => Promise.reject(new Error('not run')) }
  const found = (changes: Partial<typeof settings>, findSandbox: Parameters<typeof findBrowser>[1] = noSandbox) =>
    findBrowser({ ...settings, ...changes }, findSandbox)

  it('runs apart, or on the machine itself by the word of its operator alone', async () => {
    expect(await found({}, async () => ({ sandbox }))).toMatchObject({
      place: { kind: 'local', program: '/bin/sh', sandbox },
    })
    expect(await found({})).toEqual({ missing: expect.stringContaining('no bubblewrap') })
    expect(await found({ browserOnHost: true })).toMatchObject({ place: { sandbox: undefined } })
  })

  it('is none where it is switched off, or its program is not there', async () => {
    expect(await found({ browserEnabled: false })).toMatchObject({ missing: expect.any(String) })
    expect(await found({ browserPath: '/no/such/program' })).toMatchObject({ missing: expect.any(String) })
  })

  it('elsewhere needs to know where its requests come back to', async () => {
    expect(await found({ browserRemoteUrl: 'http://chrome:9222' })).toMatchObject({ missing: expect.any(String) })
    const far = await found({ browserRemoteUrl: 'http://chrome:9222', browserProxyAddress: 'tools:3128' })
    expect(far.place).toMatchObject({ proxy: { host: 'tools', port: 3128 } })
    expect((await found({ browserRemoteUrl: 'ws://127.0.0.1:9222/x' })).place).toMatchObject({ proxy: { port: 0 } })
    expect(['127.0.0.1', 'localhost', '[::1]', '10.0.0.1', 'chrome'].map(isLoopback)).toEqual([
      ...[true, true, true],
      ...[false, false],
    ])
  })
})
