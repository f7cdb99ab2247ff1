/**
 * A fake OIDC issuer: a real HTTP server with discovery and a key set, which signs tokens, rotates its keys and
 * misbehaves on demand.
 *
 *     const issuer = await fakeOidc()
 *     const token = await issuer.sign({ sub: 'alice', aud: 'clawmesh' })
 *     issuer.answers.keys = 'reset'
 */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK, type JWTPayload } from 'jose'
import { keptConnections } from '../support/limits.ts'

/** What a path is answered with; the server takes `ok` from its own document. */
const answers = {
  ok: (response: ServerResponse, body: unknown) => sendJson(response, 200, body),
  reset: (response: ServerResponse) => void response.socket?.resetAndDestroy(),
  silence: () => undefined,
  error: (response: ServerResponse) => sendJson(response, 500, { error: 'server_error' }),
  web_page: (response: ServerResponse) =>
    void response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Sign in</title>'),
  wrong_form: (response: ServerResponse) => sendJson(response, 200, { keys: 'none', issuer: 1 }),
  no_keys: (response: ServerResponse) => sendJson(response, 200, { keys: [] }),
  other_issuer: (response: ServerResponse, body: unknown) =>
    sendJson(response, 200, { ...(body as object), issuer: 'https://other.example.org' }),
  huge: (response: ServerResponse, body: unknown) =>
    sendJson(response, 200, { ...(body as object), more: 'x'.repeat(1_000_000) }),
  many_keys: (response: ServerResponse, body: unknown) => {
    const [key] = (body as { keys: JWK[] }).keys
    sendJson(response, 200, { keys: Array.from({ length: 200 }, (_, at) => ({ ...key, kid: String(at) })) })
  },
  redirect: (response: ServerResponse) => void response.writeHead(302, { location: '/elsewhere' }).end(),
} satisfies Record<string, (response: ServerResponse, body: unknown) => void>

export type IssuerAnswer = keyof typeof answers

const sendJson = (response: ServerResponse, status: number, body: unknown): void =>
  void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))

export interface SigningKey {
  alg: string
  kid: string
  privateKey: CryptoKey
  /** As it stands in the key set. */
  jwk: JWK
}

export interface SignOptions {
  key?: SigningKey
  /** Over the usual `alg` and `kid`; undefined leaves a member out. */
  header?: Record<string, unknown>
}

export interface FakeOidc {
  /** Its name, and where it is. */
  issuer: string
  jwksUri: string
  answers: { discovery: IssuerAnswer; keys: IssuerAnswer }
  /** Each answer waits so long. */
  delayMs: number
  /** Paths that were asked for. */
  requests: string[]
  /** What the key set publishes, the first being signed with. */
  keys: SigningKey[]
  /** A key that is not published. */
  makeKey: (alg?: string) => Promise<SigningKey>
  /** Signs from now on with a new key, and forgets the old ones. */
  rotate: (alg?: string) => Promise<SigningKey>
  /** A token for five minutes with `iss`, unless the claims say otherwise; a claim that is undefined is left out. */
  sign: (claims: JWTPayload, options?: SignOptions) => Promise<string>
  close: () => Promise<void>
}

/** Starts one with a key for `alg`. */
export const fakeOidc = async (alg = 'ES256'): Promise<FakeOidc> => {
  let made = 0
  const makeKey = async (of = alg): Promise<SigningKey> => {
    const { privateKey, publicKey } = await generateKeyPair(of, { extractable: true })
    const kid = `key-${++made}`
    return { alg: of, kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: of, use: 'sig' } }
  }

  const sockets = new Set<Socket>()
  const server = createServer(keptConnections, (request, response) => {
    const path = request.url ?? ''
    fake.requests.push(path)
    const reply = () => {
      if (path === '/.well-known/openid-configuration')
        answers[fake.answers.discovery](response, { issuer: fake.issuer, jwks_uri: fake.jwksUri })
      else if (path === '/keys') answers[fake.answers.keys](response, { keys: fake.keys.map(({ jwk }) => jwk) })
      else sendJson(response, 404, {})
    }
    if (fake.delayMs > 0) setTimeout(reply, fake.delayMs).unref()
    else reply()
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  const fake: FakeOidc = {
    issuer,
    jwksUri: `${issuer}/keys`,
    answers: { discovery: 'ok', keys: 'ok' },
    delayMs: 0,
    requests: [],
    keys: [await makeKey()],
    makeKey,
    rotate: async (of) => {
      const key = await makeKey(of)
      fake.keys = [key]
      return key
    },
    sign: async (claims, { key = fake.keys[0]!, header = {} } = {}) => {
      const nowSeconds = Math.floor(Date.now() / 1000)
      const payload = { iss: issuer, iat: nowSeconds, exp: nowSeconds + 300, ...claims }
      return new SignJWT(payload)
        .setProtectedHeader({ alg: key.alg, kid: key.kid, ...header })
        .sign(key.privateKey, header['crit'] === undefined ? {} : { crit: { 'urn:test': false } })
    },
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
  return fake
}
