/**
 * The only way out of a browser: a forward proxy of this process that connects to public addresses alone, whatever asks for
 * them: a navigation, a redirect, an image, a WebSocket. The address that was checked is the one that is connected to, so
 * a name that leads elsewhere the second time leads nowhere. Every browser has credentials of its own.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { pipeline, type Duplex } from 'node:stream'
import { connectionHeaders, connectionOptions, sha256Hex } from '@clawmesh/chassis'
import {
  blockedBy,
  checkPublicUrl,
  createGuardedDispatcher,
  guardedConnect,
  type DomainPolicy,
  type Resolve,
} from '@clawmesh/chassis/fetch'
import { MeshError } from '@clawmesh/contracts'
import { request as send } from 'undici'

export interface ProxyRules {
  policy?: DomainPolicy | undefined
  /** Private hosts and ranges that the operator opens. */
  allow?: readonly string[] | undefined
  /** Instead of the system's resolver. */
  resolve?: Resolve | undefined
}

export interface ProxyLease {
  username: string
  password: string
  /** Why an address was refused last, since it was asked for last. */
  takeRefusal: () => string | undefined
  /** No request comes through with these credentials any more, and those that are under way end. */
  end: () => void
}

export interface GuardingProxy {
  /** @returns the port, where there is one */
  listen: (at: { path: string } | { host: string; port: number }) => Promise<number>
  lease: () => ProxyLease
  close: () => Promise<void>
}

/** What the proxy answers itself, so that a browser gives its credentials before a page asks for anything. */
export const credentialsUrl = 'http://clawmesh.invalid/'

interface Held {
  proof: Buffer
  refusal: string | undefined
  sockets: Set<Duplex>
}

const idleMs = 300_000
const mostConnections = 512
const mostHeaderBytes = 65_536

/** The body is framed anew. */
const hopHeaders = new Set([...connectionHeaders, 'transfer-encoding'])

const withoutHops = (raw: readonly string[], also: readonly string[] = []): string[] => {
  const named = raw.flatMap((name, at) =>
    at % 2 === 0 && name.toLowerCase() === 'connection' ? connectionOptions(raw[at + 1]) : [],
  )
  const left = new Set([...hopHeaders, ...named, ...also])
  return raw.filter((_, at) => !left.has(raw[at - (at % 2)]!.toLowerCase()))
}

const proofOf = (username: string, password: string): Buffer => Buffer.from(sha256Hex(`${username}:${password}`))

const reasonOf = (thrown: unknown): string | undefined => {
  const blocked = thrown instanceof MeshError ? thrown : blockedBy(thrown)
  return blocked?.code === 'INVALID_REQUEST' ? blocked.message : undefined
}

export const createGuardingProxy = ({ policy, allow, resolve }: ProxyRules): GuardingProxy => {
  const dispatcher = createGuardedDispatcher({ allow, resolve })
  const leases = new Map<string, Held>()
  const tunnels = new Set<Duplex>()

  /** Whose request it is, by RFC 7617. */
  const holderOf = (request: IncomingMessage): Held | undefined => {
    const [, encoded = ''] = /^basic ([\w+/=-]{1,400})$/i.exec(request.headers['proxy-authorization'] ?? '') ?? []
    const text = Buffer.from(encoded, 'base64').toString()
    const at = text.indexOf(':')
    const username = text.slice(0, Math.max(at, 0))
    const held = leases.get(username)
    return held && timingSafeEqual(held.proof, proofOf(username, text.slice(at + 1))) ? held : undefined
  }

  const refuse = (held: Held, thrown: unknown): boolean => {
    const reason = reasonOf(thrown)
    if (reason !== undefined) held.refusal = reason
    return reason !== undefined
  }

  const forward = async (held: Held, request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const leaving = new AbortController()
    response.once('close', () => leaving.abort())
    const url = checkPublicUrl(request.url ?? '', { policy, allow })
    if (url.protocol !== 'http:')
      throw new MeshError('INVALID_REQUEST', 'error.url_blocked', { reason: 'only http and https are allowed' })
    const hasBody = 'content-length' in request.headers || 'transfer-encoding' in request.headers
    const answer = await send(url, {
      method: request.method as 'GET',
      headers: withoutHops(request.rawHeaders, ['host']),
      body: hasBody ? request : null,
      responseHeaders: 'raw',
      dispatcher,
      signal: leaving.signal,
    })
    response.writeHead(answer.statusCode, withoutHops((answer.headers as unknown as (string | Buffer)[]).map(String)))
    pipeline(answer.body, response, () => undefined)
  }

  const server = createServer({ maxHeaderSize: mostHeaderBytes, keepAliveTimeout: 65_000 }, (request, response) => {
    const held = holderOf(request)
    if (held === undefined) {
      response.writeHead(407, { 'proxy-authenticate': 'Basic realm="clawmesh"', 'content-length': 0 }).end()
      return
    }
    const { socket } = request
    if (!held.sockets.has(socket)) {
      held.sockets.add(socket)
      socket.once('close', () => held.sockets.delete(socket))
    }
    if (request.url === credentialsUrl) {
      response.writeHead(200, { 'content-type': 'text/plain', 'cache-control': 'no-store' }).end('ready')
      return
    }
    forward(held, request, response).catch((thrown: unknown) => {
      refuse(held, thrown)
      // No answer of ours, which a page could read as one of the site's.
      request.socket.destroy()
    })
  })
  server.maxConnections = mostConnections

  const tunnel = async (held: Held, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const upstream = await guardedConnect(request.url ?? '', { policy, allow, resolve })
    if (socket.destroyed) return void upstream.destroy()
    tunnels.add(upstream)
    held.sockets.add(upstream)
    upstream.once('close', () => {
      tunnels.delete(upstream)
      held.sockets.delete(upstream)
    })
    upstream.setNoDelay(true)
    upstream.setTimeout(idleMs, () => upstream.destroy())
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
    if (head.length > 0) upstream.write(head)
    pipeline(socket, upstream, () => undefined)
    pipeline(upstream, socket, () => undefined)
  }

  server.on('connect', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    tunnels.add(socket)
    const held = holderOf(request)
    held?.sockets.add(socket)
    socket.once('close', () => {
      tunnels.delete(socket)
      held?.sockets.delete(socket)
    })
    if (held === undefined) {
      socket.end(
        'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="clawmesh"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
      )
      return
    }
    tunnel(held, request, socket, head).catch((thrown: unknown) => {
      const status = refuse(held, thrown) ? '403 Forbidden' : '502 Bad Gateway'
      socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
    })
  })
  server.on('clientError', (_, socket: Socket) => socket.destroy())

  return {
    listen: async (at) => {
      await new Promise<void>((done, fail) => {
        server.once('error', fail)
        server.listen(at, () => {
          server.off('error', fail)
          done()
        })
      })
      server.unref()
      const address = server.address() as AddressInfo | string
      return typeof address === 'string' ? 0 : address.port
    },

    lease: () => {
      const [username, password] = [randomBytes(9).toString('base64url'), randomBytes(24).toString('base64url')]
      const held: Held = { proof: proofOf(username, password), refusal: undefined, sockets: new Set() }
      leases.set(username, held)
      return {
        username,
        password,
        takeRefusal: () => {
          const { refusal } = held
          held.refusal = undefined
          return refusal
        },
        end: () => {
          leases.delete(username)
          for (const socket of held.sockets) socket.destroy()
        },
      }
    },

    close: async () => {
      leases.clear()
      server.close()
      server.closeAllConnections()
      for (const socket of tunnels) socket.destroy()
      await dispatcher.destroy()
    },
  }
}
