/** Closed-loop load: so many clients, for so long, each asking again once it is answered, each answer timed. */
import { Client } from 'undici'
import { WebSocket } from 'ws'
import { percentile } from './percentile.ts'

export interface HttpTarget {
  origin: string
  path: string
  method: 'GET' | 'POST'
  headers: Record<string, string>
  /** Headers that change from request to request, by its number. */
  headersOf?: (request: number) => Record<string, string>
  body?: string
}

/** A method of the WebSocket protocol. */
export interface SocketTarget {
  origin: string
  connectOf: (connection: number) => object
  method: string
  paramsOf: (connection: number) => object
}

export type LoadTarget = HttpTarget | SocketTarget

/** When a load ends: after so many milliseconds, or when so many requests have been made. */
export type LoadEnd = { afterMs: number } | { afterRequests: number }

export interface LoadResult {
  requests: number
  perSecond: number
  p50Ms: number
  p99Ms: number
  /** Until the first byte of the body, or the first frame. */
  firstByteP50Ms: number
}

/** One connection. */
interface LoadClient {
  /** @throws Error for any answer but a success */
  ask: (request: number) => Promise<{ ms: number; firstMs: number }>
  close: () => Promise<void>
}

const shownOfAnswer = 300

const openHttp = ({ origin, path, method, headers, headersOf, body }: HttpTarget): LoadClient => {
  const client = new Client(origin, { pipelining: 1, keepAliveTimeout: 60_000 })
  return {
    ask: async (request) => {
      const startedAt = performance.now()
      const answer = await client.request({
        path,
        method,
        headers: headersOf === undefined ? headers : { ...headers, ...headersOf(request) },
        ...(body === undefined ? {} : { body }),
      })
      let firstMs: number | undefined
      let text = ''
      for await (const part of answer.body) {
        firstMs ??= performance.now() - startedAt
        if (answer.statusCode !== 200) text += String(part)
      }
      if (answer.statusCode !== 200)
        throw new Error(`${path} answered ${answer.statusCode}: ${text.slice(0, shownOfAnswer)}`)
      const ms = performance.now() - startedAt
      return { ms, firstMs: firstMs ?? ms }
    },
    close: () => client.close(),
  }
}

const openSocket = async (target: SocketTarget, connection: number): Promise<LoadClient> => {
  const { origin, connectOf, method, paramsOf } = target
  const socket = new WebSocket(`${origin.replace(/^http/, 'ws')}/ws`)
  await new Promise<unknown>((resolve, reject) => socket.once('open', resolve).once('error', reject))
  const send = (name: string, params: object) =>
    new Promise<{ ms: number; firstMs: number }>((resolve, reject) => {
      const startedAt = performance.now()
      let firstMs: number | undefined
      const onMessage = (data: Buffer) => {
        firstMs ??= performance.now() - startedAt
        const frame = JSON.parse(data.toString()) as { type: string; ok?: boolean }
        if (frame.type !== 'res') return
        socket.off('message', onMessage)
        if (frame.ok === true) resolve({ ms: performance.now() - startedAt, firstMs })
        else reject(new Error(`${name} answered ${data.toString().slice(0, shownOfAnswer)}`))
      }
      socket.on('message', onMessage)
      socket.send(JSON.stringify({ type: 'req', id: 'load', method: name, params }))
    })
  await send('connect', connectOf(connection))
  return {
    ask: () => send(method, paramsOf(connection)),
    close: () =>
      new Promise((resolve) => {
        socket.once('close', () => resolve())
        socket.close()
      }),
  }
}

const open = async (target: LoadTarget, connection: number): Promise<LoadClient> =>
  'connectOf' in target ? openSocket(target, connection) : openHttp(target)

/** Loads a target from `concurrency` connections. */
export const load = async (target: LoadTarget, concurrency: number, end: LoadEnd): Promise<LoadResult> => {
  const clients = await Promise.all(Array.from({ length: concurrency }, (_, connection) => open(target, connection)))
  const times: number[] = []
  const firsts: number[] = []
  const startedAt = performance.now()
  let begun = 0
  const goesOn = () => ('afterMs' in end ? performance.now() < startedAt + end.afterMs : begun < end.afterRequests)
  const askAgain = async ({ ask }: LoadClient) => {
    while (goesOn()) {
      const { ms, firstMs } = await ask(begun++)
      times.push(ms)
      firsts.push(firstMs)
    }
  }
  await Promise.all(clients.map(askAgain))
  const seconds = (performance.now() - startedAt) / 1000
  await Promise.all(clients.map((client) => client.close()))
  times.sort((a, b) => a - b)
  firsts.sort((a, b) => a - b)
  return {
    requests: times.length,
    perSecond: times.length / seconds,
    p50Ms: percentile(times, 0.5),
    p99Ms: percentile(times, 0.99),
    firstByteP50Ms: percentile(firsts, 0.5),
  }
}
