/** A client of the edge's WebSocket protocol, as plain as the wire. */
import { wsEventFrame, wsResponse, type WsEventFrame, type WsResponse } from '@clawmesh/contracts'
import { WebSocket, type ClientOptions } from 'ws'
import { hangLimitMs } from './limits.ts'
import { inspectAnywhere } from './secret-sweep.ts'

export interface WsClient {
  socket: WebSocket
  /** Sends a request and gives its response, an error too. */
  ask: (method: string, params?: object, id?: string | number) => Promise<WsResponse>
  /** The payload of a successful response. @throws Error with the code of any other */
  need: <P = Record<string, unknown>>(method: string, params?: object) => Promise<P>
  /** Sends bytes or a text as they are. */
  send: (data: string | Buffer, binary?: boolean) => void
  responses: WsResponse[]
  events: WsEventFrame[]
  /** The first event of a name that came or comes, and fits. */
  event: (name: string, fits?: (payload: never) => boolean) => Promise<WsEventFrame>
  /** The next response that nobody asked for by id. */
  nextResponse: () => Promise<WsResponse>
  /** The code and reason with which the connection ended. */
  closed: Promise<{ code: number; reason: string }>
  close: () => Promise<unknown>
}

const within = <T>(what: string, promise: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come`)), hangLimitMs).unref()
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/** Opens a connection to an edge. @throws Error with the HTTP status and body when it is refused */
export const openWs = (port: number, options: ClientOptions & { path?: string } = {}): Promise<WsClient> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${options.path ?? '/ws'}`, options)
    const responses: WsResponse[] = []
    const events: WsEventFrame[] = []
    const listeners = new Set<() => void>()
    let nextId = 0
    let read = 0
    const closed = new Promise<{ code: number; reason: string }>((done) =>
      socket.once('close', (code, reason) => done({ code, reason: reason.toString() })),
    )
    socket.on('error', reject)
    socket.on('unexpected-response', (_request, response) => {
      let body = ''
      response.on('data', (chunk: Buffer) => (body += chunk.toString()))
      response.on('end', () => reject(new Error(`${response.statusCode} ${body}`)))
    })
    socket.on('message', (data) => {
      const text = (data as Buffer).toString()
      inspectAnywhere('WebSocket frame', text)
      const frame = JSON.parse(text) as { type: string }
      if (frame.type === 'event') events.push(wsEventFrame.parse(frame))
      else responses.push(wsResponse.parse(frame))
      for (const listener of listeners) listener()
    })
    const found = <T>(what: string, find: () => T | undefined): Promise<T> => {
      let listener = () => undefined as void
      const promise = new Promise<T>((done) => {
        listener = () => {
          const value = find()
          if (value !== undefined) done(value)
        }
        listeners.add(listener)
        listener()
      })
      return within(what, promise).finally(() => listeners.delete(listener))
    }
    const send = (data: string | Buffer, binary = false) => socket.send(data, { binary })
    const ask: WsClient['ask'] = (method, params, id = `r${nextId++}`) => {
      send(JSON.stringify({ type: 'req', id, method, ...(params === undefined ? {} : { params }) }))
      return found(`the response of ${method}`, () => responses.find((response) => response.id === id))
    }
    const client: WsClient = {
      socket,
      ask,
      need: async <P>(method: string, params?: object) => {
        const { ok, payload, error } = await ask(method, params)
        if (!ok) throw new Error(`${method}: ${JSON.stringify(error)}`)
        return payload as P
      },
      send,
      responses,
      events,
      event: (name, fits = () => true) =>
        found(`event ${name}`, () => events.find(({ event, payload }) => event === name && fits(payload as never))),
      nextResponse: async () => {
        const at = read++
        return found('a response', () => responses[at])
      },
      closed: within('the close', closed).catch(() => ({ code: 0, reason: 'still open' })),
      close: () => {
        socket.close()
        return closed
      },
    }
    socket.once('open', () => resolve(client))
  })

/** Opens a connection and connects it. @throws Error with the error when that is refused */
export const connectWs = async (port: number, params: object, options?: ClientOptions): Promise<WsClient> => {
  const client = await openWs(port, options)
  await client.need('connect', params)
  return client
}
