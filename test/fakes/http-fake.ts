/**
 * A fake upstream: a real HTTP server on a free port that answers by script and misbehaves on demand. The vendors in
 * this folder add their wire protocols; nothing here knows one.
 *
 *     const fake = await fakeOpenAi()
 *     fake.next({ text: 'hello' }, { fault: 'cut' })   // the next two requests
 *     fake.rule = (request) => ...                     // or a rule for all that have no script
 *
 * Without either it answers every request plausibly, so that it can stand behind a load test as it is. Whatever its
 * script, it refuses what the vendor refuses, with the vendor's own body, and keeps count of that.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { keptConnections } from '../support/limits.ts'
import type { Json } from './json.ts'
import { Refusal } from './strict.ts'

/** A delay that nobody may be waiting for any more keeps no process alive: the connection does that while it is there. */
const pause = (ms: number) => sleep(ms, undefined, { ref: false })

export interface ScriptedCall {
  id?: string
  name: string
  /** JSON text, sent as it is: it need not be valid. */
  arguments: string
}

/** What one request is answered with. Everything has a plausible default. */
export interface Script {
  text?: string
  thinking?: string
  toolCalls?: ScriptedCall[]
  /** The vendor's own word for why the answer ends. */
  finish?: string
  /** The vendor's own usage object; null leaves it out. */
  usage?: Json | null
  model?: string
  /** Pieces that text, thinking and arguments are streamed in. */
  chunks?: number
  /** Pause before the first piece, headers being sent at once. */
  firstDelayMs?: number
  /** Pause before each further piece. */
  chunkDelayMs?: number
  /** Pause before the headers. */
  headerDelayMs?: number
  /** Anything but 200 answers with the vendor's error body. */
  status?: number
  headers?: Record<string, string>
  /** Message and type of that error body. */
  error?: { message?: string; type?: string }
  /** The body of a whole answer, instead of the vendor's own. */
  body?: unknown
  /** The frames of a stream, instead of the vendor's own; the last one counts as the terminator. */
  frames?: string[]
  /** Bytes of the stream are sent in pieces of this size, wherever that cuts. */
  pieceBytes?: number
  fault?: Fault
}

/** A request as it came. */
export interface Received {
  method: string
  /** With the query. */
  path: string
  headers: IncomingMessage['headers']
  /** Parsed, `{}` when there was none. */
  body: Json
}

/** What a vendor makes of a script: a whole body, or the frames of a stream and those that end it. */
export type Reply = { body: unknown } | { frames: string[]; end: string[] }

export interface Vendor {
  /** `METHOD /path` -> what is refused there. */
  rules: Record<string, (request: Received) => void>
  /** `METHOD /path` -> answer. */
  routes: Record<string, (script: Script, request: Received) => Reply>
  errorBody: (status: number, error: { message?: string; type?: string }) => Json
  /** An error inside a stream. */
  errorFrame: (error: { message?: string; type?: string }) => string
  /** A frame broken off in its middle. */
  brokenFrame: string
}

export interface FakeUpstream {
  /** `http://127.0.0.1:port`, or at the host that was asked for. */
  origin: string
  /** What a provider's api_base is set to. */
  base: string
  requests: Received[]
  /** The bodies of refusals: empty as long as every request was one the vendor takes. */
  refusals: Json[]
  /** Scripts for the coming requests, one each. */
  next: (...scripts: Script[]) => void
  /** The script of requests that have none queued. */
  rule: (request: Received) => Script | undefined
  /** How often a client hung up before its answer was complete. */
  readonly aborted: number
  /** Resolves at the next hang-up. */
  hangUp: () => Promise<void>
  /** Connections open right now. */
  readonly sockets: number
  close: () => Promise<void>
}

interface Exchange {
  request: Received
  response: ServerResponse
  script: Script
  vendor: Vendor
  reply: Reply
}

const half = (frames: string[]): string[] => frames.slice(0, Math.ceil(frames.length / 2))

const eventHeaders = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' }
const jsonHeaders = { 'content-type': 'application/json' }

const sendJson = ({ response, script }: Exchange, status: number, body: unknown): void => {
  response.writeHead(status, { ...jsonHeaders, ...script.headers })
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
}

const write = async (response: ServerResponse, data: string | Buffer): Promise<void> => {
  if (!response.write(data) && !response.destroyed)
    await Promise.race([once(response, 'drain'), once(response, 'close')])
}

const startStream = ({ response, script }: Exchange): void => {
  response.writeHead(200, { ...eventHeaders, ...script.headers })
  response.flushHeaders()
}

const sendFrames = async ({ response, script }: Exchange, frames: string[]): Promise<void> => {
  if (script.firstDelayMs) await pause(script.firstDelayMs)
  if (script.pieceBytes) {
    const bytes = Buffer.from(frames.join(''))
    for (let at = 0; at < bytes.length && !response.destroyed; at += script.pieceBytes) {
      await write(response, bytes.subarray(at, at + script.pieceBytes))
      await new Promise(setImmediate)
    }
    return
  }
  for (const [at, frame] of frames.entries()) {
    if (response.destroyed) return
    if (at > 0 && script.chunkDelayMs) await pause(script.chunkDelayMs)
    await write(response, frame)
  }
}

const framesOf = ({ reply }: Exchange): { frames: string[]; end: string[] } =>
  'frames' in reply ? reply : { frames: [JSON.stringify(reply.body)], end: [] }

/** Lets what was written reach the other side before the connection is destroyed. */
const breakOff = async (response: ServerResponse): Promise<void> => {
  await pause(20)
  response.socket?.destroy()
}

const streamOf = async (exchange: Exchange, frames: string[]): Promise<void> => {
  startStream(exchange)
  await sendFrames(exchange, frames)
}

/** Ways to misbehave. Those about streams turn a whole answer into its bytes and do the same to it. */
const faults = {
  /** The connection is reset before anything is answered. */
  reset: ({ response }) => {
    response.socket?.resetAndDestroy()
  },
  /** The request is taken and never answered. */
  silence: () => undefined,
  /** Headers, then nothing. */
  silent_stream: (exchange) => startStream(exchange),
  /** The connection breaks after half the answer. */
  cut: async (exchange) => {
    const { reply, response } = exchange
    if ('frames' in reply) await streamOf(exchange, half(reply.frames))
    else {
      const text = JSON.stringify(reply.body)
      response.writeHead(200, { ...jsonHeaders, 'content-length': Buffer.byteLength(text) })
      response.write(text.slice(0, text.length / 2))
    }
    await breakOff(response)
  },
  /** The connection of a stream breaks after two thirds of the answer. */
  cut_late: async (exchange) => {
    const { frames } = framesOf(exchange)
    await streamOf(exchange, frames.slice(0, Math.ceil((frames.length * 2) / 3)))
    await breakOff(exchange.response)
  },
  /** Half the answer, then silence on an open connection. */
  stall: async (exchange) => streamOf(exchange, half(framesOf(exchange).frames)),
  /** Everything but what ends a stream, then a clean end. */
  unfinished: async (exchange) => {
    await streamOf(exchange, framesOf(exchange).frames)
    exchange.response.end()
  },
  /** Everything but the very last frame, then a clean end. */
  unterminated: async (exchange) => {
    const { frames, end } = framesOf(exchange)
    await streamOf(exchange, [...frames, ...end].slice(0, -1))
    exchange.response.end()
  },
  /** A broken event in the middle, everything else as it should be. */
  malformed: async (exchange) => {
    const { frames, end } = framesOf(exchange)
    const first = half(frames)
    await streamOf(exchange, [...first, exchange.vendor.brokenFrame, ...frames.slice(first.length), ...end])
    exchange.response.end()
  },
  /** An error event in the middle of a stream. */
  error_event: async (exchange) => {
    const { vendor, script } = exchange
    await streamOf(exchange, [...half(framesOf(exchange).frames), vendor.errorFrame(script.error ?? {})])
    exchange.response.end()
  },
  /** An error event instead of a stream. */
  error_first: async (exchange) => {
    await streamOf(exchange, [exchange.vendor.errorFrame(exchange.script.error ?? {})])
    exchange.response.end()
  },
  /** HTTP 200, and an error in the body. */
  error_body: (exchange) => sendJson(exchange, 200, exchange.vendor.errorBody(500, exchange.script.error ?? {})),
  /** HTTP 200, and a page for people. */
  web_page: (exchange) => {
    exchange.response.writeHead(200, { 'content-type': 'text/html' })
    exchange.response.end('<!doctype html><title>Sign in</title>')
  },
  /** Fewer bytes than announced. */
  short_body: async (exchange) => {
    const { frames, end } = framesOf(exchange)
    const text = [...frames, ...end].join('')
    exchange.response.writeHead(200, { ...eventHeaders, 'content-length': Buffer.byteLength(text) + 100 })
    await write(exchange.response, [...half(frames)].join(''))
    await breakOff(exchange.response)
  },
  /** A whole answer where a stream was asked for, and the other way round: see the vendors. */
  other_form: async (exchange) => respond(exchange),
} satisfies Record<string, (exchange: Exchange) => void | Promise<void>>

export type Fault = keyof typeof faults

/** Those that hang up by themselves. */
const breaking: ReadonlySet<Fault> = new Set(['reset', 'cut', 'cut_late', 'short_body'])

const respond = async (exchange: Exchange): Promise<void> => {
  const { reply, response } = exchange
  if (!('frames' in reply)) return sendJson(exchange, 200, reply.body)
  await streamOf(exchange, [...reply.frames, ...reply.end])
  response.end()
}

const answer = async (exchange: Exchange): Promise<void> => {
  const { script, vendor } = exchange
  if (script.headerDelayMs) await pause(script.headerDelayMs)
  if (script.fault) return faults[script.fault](exchange)
  if (script.status && script.status !== 200)
    return sendJson(exchange, script.status, script.body ?? vendor.errorBody(script.status, script.error ?? {}))
  return respond(exchange)
}

const readBody = async (request: IncomingMessage): Promise<Json> => {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  const text = Buffer.concat(pieces).toString('utf8')
  return text === '' ? {} : (JSON.parse(text) as Json)
}

const routeOf = ({ method, path }: Received): string => `${method} ${path.split('?')[0]}`

/** The refusal of a request that breaks the vendor's rules. */
const refusalOf = (vendor: Vendor, request: Received): Refusal | undefined => {
  try {
    vendor.rules[routeOf(request)]?.(request)
    return undefined
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}

const scriptedReply = (vendor: Vendor, script: Script, request: Received): Reply | undefined => {
  const route = vendor.routes[routeOf(request)]
  if (!route) return undefined
  if (script.frames) return { frames: script.frames.slice(0, -1), end: script.frames.slice(-1) }
  if (script.body !== undefined) return { body: script.body }
  return route(script, request)
}

/** How many requests are remembered: under load the first ones are dropped. */
const memory = 1_000

/** Starts a fake of a vendor. `basePath` is the path of its api_base, `host` the address of this machine that it listens on. */
export const startFake = async (
  vendor: Vendor,
  basePath: string,
  defaults: Script = {},
  host = '127.0.0.1',
): Promise<FakeUpstream> => {
  const queue: Script[] = []
  const sockets = new Set<Socket>()
  let waiters: (() => void)[] = []
  let aborted = 0

  const server: Server = createServer(keptConnections, (incoming, response) => {
    void handle(incoming, response).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(500).end(String(error))
      else response.destroy()
    })
  })
  server.keepAliveTimeout = 60_000
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })

  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    let ownDoing = false
    response.on('close', () => {
      if (response.writableEnded || ownDoing) return
      aborted++
      for (const waiter of waiters) waiter()
      waiters = []
    })
    const { method = 'GET', url: path = '/', headers } = incoming
    const request: Received = { method, path, headers, body: await readBody(incoming) }
    fake.requests.push(request)
    if (fake.requests.length > memory) fake.requests.splice(0, memory / 2)
    const script = { ...defaults, ...(queue.shift() ?? fake.rule(request)) }
    const refusal = refusalOf(vendor, request)
    if (refusal) {
      fake.refusals.push(refusal.body)
      response.writeHead(refusal.status, jsonHeaders).end(JSON.stringify(refusal.body))
      return
    }
    ownDoing = script.fault !== undefined && breaking.has(script.fault)
    const reply = scriptedReply(vendor, script, request)
    if (reply) await answer({ request, response, script, vendor, reply })
    else response.writeHead(404, jsonHeaders).end(JSON.stringify(vendor.errorBody(404, { message: 'no such route' })))
  }

  const fake: FakeUpstream = {
    origin: '',
    base: '',
    requests: [],
    refusals: [],
    next: (...scripts) => void queue.push(...scripts),
    rule: () => undefined,
    get aborted() {
      return aborted
    },
    hangUp: () => new Promise((resolve) => waiters.push(resolve)),
    get sockets() {
      return sockets.size
    },
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
  server.listen(0, host)
  await once(server, 'listening')
  fake.origin = `http://${host}:${(server.address() as AddressInfo).port}`
  fake.base = fake.origin + basePath
  return fake
}

/** A text in `count` pieces, none empty; fewer when it is short. Pieces never split a character. */
export const pieces = (text: string, count: number): string[] => {
  const characters = [...text]
  const size = Math.max(1, Math.ceil(characters.length / count))
  const out: string[] = []
  for (let at = 0; at < characters.length; at += size) out.push(characters.slice(at, at + size).join(''))
  return out
}

/** What a fake says when its script does not: an echo of the last user text. */
export const echo = (lastUserText: string): string => `You said: ${lastUserText || '(nothing)'}`

export const wordCount = (text: string): number => text.match(/\S+/g)?.length ?? 0

export const isJson = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The text of a message's content, whether plain or in parts. */
export const contentText = (content: unknown): string => {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content.map((part: unknown) => (isJson(part) && typeof part['text'] === 'string' ? part['text'] : '')).join('')
}

/** The text of the last user message of a request. */
export const lastUserText = (body: Json): string => {
  const messages = Array.isArray(body['messages']) ? body['messages'].filter(isJson) : []
  return contentText(messages.findLast((message) => message['role'] === 'user')?.['content'])
}
