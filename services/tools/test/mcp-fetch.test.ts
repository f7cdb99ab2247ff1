/** What MCP servers and their authorization servers answer is read up to a bound. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { keptConnections } from '../../../test/support/limits.ts'
import { createChildTransport } from '../src/mcp/client/child-transport.ts'
import { createMcpFetch } from '../src/mcp/client/guarded-fetch.ts'
import { createAuthorization } from '../src/mcp/oauth/authorization.ts'

let server: Server
let url: string
let status = 200
let written: string[] = []
beforeAll(async () => {
  server = createServer(keptConnections, (_, response) => {
    response.writeHead(status, { 'content-type': 'text/event-stream' })
    for (const piece of written) response.write(piece)
    response.end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
})
afterAll(() => void server.close())

const read = async (options?: { streams: boolean }, bytes = 1_000) => {
  const { fetch, close } = createMcpFetch(['127.0.0.1'], bytes, options)
  try {
    return (await (await fetch(url)).text()).length
  } finally {
    await close()
  }
}

beforeEach(() => {
  written = Array<string>(200).fill(`data: ${'x'.repeat(100)}\n\n`)
})

it('a stream of events is read for as long as each event is short', async () => {
  status = 200
  expect(await read()).toBe(200 * 108)
})

it.each([
  ['is said to be a stream of events', 200, { streams: false }],
  ['comes with an error', 500, undefined],
])('an answer that is read whole has the bound though it %s', async (_, answered, options) => {
  status = answered
  await expect(read(options)).rejects.toThrow()
})

describe('values, of which each is looked at,', () => {
  const message = (count: number) =>
    `data: {"content":[${'{},'.repeat(count)}{}],"text":"${',[{'.repeat(200_000)}"}\n\n`

  it('may be as many as they are in every message', async () => {
    status = 200
    written = [message(49_000), message(49_000)]
    expect(await read(undefined, 8_000_000)).toBe(written.join('').length)
  })

  it('are counted wherever the network cuts, and one message with more is not read', async () => {
    status = 200
    written = [message(100).slice(0, -2), '\n', '\n', message(51_000).slice(0, 9), message(51_000).slice(9)]
    await expect(read(undefined, 8_000_000)).rejects.toThrow()
    written = [message(51_000)]
    await expect(read({ streams: false }, 8_000_000)).rejects.toThrow()
  })

  it('of a program are bounded, too', async () => {
    const script = `console.log('[' + '{},'.repeat(60_000) + '{}]'); setTimeout(() => undefined, 600_000)`
    const transport = createChildTransport(
      async () => ({
        program: {
          ...{ command: process.execPath, args: ['-e', script], cwd: tmpdir() },
          limits: { timeoutMs: 0, outputBytes: Number.POSITIVE_INFINITY },
        },
        left: async () => undefined,
      }),
      8_000_000,
    )
    const failed = new Promise<Error>((resolve) => (transport.onerror = resolve))
    const closed = new Promise<void>((resolve) => (transport.onclose = resolve))
    await transport.start()
    expect((await failed).message).toBe('the program says more than is read')
    await closed
  })
})

describe('revoking a token', () => {
  const revoke = async (methods: string[], answered = 200) => {
    const asked: { headers: Headers; body: URLSearchParams }[] = []
    const authorization = createAuthorization({
      fetch: async (_, init) => {
        asked.push({ headers: new Headers(init?.headers), body: init?.body as URLSearchParams })
        return new Response(null, { status: answered })
      },
      redirectUri: '',
      metadataUrl: '',
    })
    const metadata = {
      issuer: 'https://issuer.example',
      authorization_endpoint: 'https://issuer.example/authorize',
      token_endpoint: 'https://issuer.example/token',
      revocation_endpoint: 'https://issuer.example/revoke',
      revocation_endpoint_auth_methods_supported: methods,
      response_types_supported: ['code'],
    }
    await authorization.revoke({
      discovery: { serverUrl: '', authorizationServerUrl: '', resource: '', metadata },
      client: { client_id: 'a:b', client_secret: 'c d' },
      accessToken: 'at',
      refreshToken: 'rt',
    } as unknown as Parameters<typeof authorization.revoke>[0])
    return asked[0]!
  }

  it('names us as the server wants its clients named', async () => {
    const basic = await revoke(['client_secret_basic'])
    expect(basic.headers.get('authorization')).toBe(`Basic ${Buffer.from('a%3Ab:c%20d').toString('base64')}`)
    expect(Object.fromEntries(basic.body)).toEqual({ token: 'rt' })
    const posted = await revoke(['client_secret_post'])
    expect([posted.headers.has('authorization'), Object.fromEntries(posted.body)]).toEqual([
      false,
      { token: 'rt', client_id: 'a:b', client_secret: 'c d' },
    ])
  })

  it('is not taken for done where the server refuses', async () => {
    await expect(revoke(['client_secret_basic'], 401)).rejects.toThrow('401')
  })
})
