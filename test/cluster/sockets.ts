/** WebSockets that stay open while a release is changed, as a client keeps them: it comes back where it was told to leave. */
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'
import type { Installed } from './release.ts'

export interface SocketReport {
  /** Requests that were answered. */
  answered: number
  /** Connections that a leaving edge closed with 1001, and the client opened again at once. */
  resumed: number
  /** Everything else, which must not be: what happened to which socket. */
  lost: string[]
}

const askEveryMs = 500
const goingAway = 1001

/** How a request was answered: well, with an error of this code, or not at all. */
type Answer = 'ok' | 'closed' | `error ${string}`

interface Held {
  ask: (method: string) => Promise<Answer>
  closed: Promise<number>
  close: () => void
}

/** Opens and connects one. @throws Error of the socket, or of the answer to `connect` */
const open = ({ url, token }: Installed, at: number): Promise<Held> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/ws`)
    const waiting = new Map<number, (answer: Answer) => void>()
    let next = 0
    const ask = (method: string, params: object = {}) =>
      new Promise<Answer>((done) => {
        const id = next++
        waiting.set(id, done)
        socket.send(JSON.stringify({ type: 'req', id, method, params }))
      })
    const closed = new Promise<number>((done) =>
      socket.once('close', (code) => {
        done(code)
        for (const answer of waiting.values()) answer('closed')
      }),
    )
    socket.on('error', reject)
    socket.on('message', (data: Buffer) => {
      const { type, id, ok, error } = JSON.parse(data.toString()) as {
        type: string
        id: number
        ok: boolean
        error?: { code: string; message: string }
      }
      if (type !== 'res') return
      waiting.get(id)?.(ok ? 'ok' : `error ${error?.code}: ${error?.message}`)
      waiting.delete(id)
    })
    socket.once('open', () => {
      void ask('connect', { token, user_id: `socket-${at}` }).then((answer) =>
        answer === 'ok'
          ? resolve({ ask, closed, close: () => socket.close() })
          : reject(new Error(`connect: ${answer}`)),
      )
    })
  })

/** Keeps that many open, each asking twice a second for one of the methods in turn; `stop` closes them and gives the account. */
export const holdSockets = (
  installed: Installed,
  count: number,
  methods: readonly string[] = ['agents.list'],
): { stop: () => Promise<SocketReport> } => {
  const report: SocketReport = { answered: 0, resumed: 0, lost: [] }
  let stopped = false

  const hold = async (at: number): Promise<void> => {
    let turn = at
    while (!stopped) {
      const held = await open(installed, at)
      let code: number | undefined
      void held.closed.then((with_) => (code = with_))
      while (!stopped && code === undefined) {
        const method = methods[turn++ % methods.length]!
        const answer = await held.ask(method)
        if (answer === 'ok') report.answered++
        // One that is asked while the edge closes is asked again over the next connection.
        else if ((code ??= await Promise.race([held.closed, sleep(1_000, 0)])) !== goingAway)
          report.lost.push(`socket ${at}: ${method}: ${answer}`)
        await sleep(askEveryMs)
      }
      held.close()
      if (code === goingAway) report.resumed++
      else if (code !== undefined) report.lost.push(`socket ${at} was closed with ${code}`)
    }
  }
  const held = Array.from({ length: count }, (_, at) =>
    hold(at).catch((fault: Error) => void report.lost.push(`socket ${at}: ${fault.message}`)),
  )
  return {
    stop: async () => {
      stopped = true
      await Promise.all(held)
      return report
    },
  }
}
