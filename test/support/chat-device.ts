/** A client that follows one conversation over WebSockets and loses its connection on the way, as a phone does. */
import type { WsAgentEvent } from '@clawmesh/contracts'
import { eventually } from './eventually.ts'
import { connectWs, type WsClient } from './ws-client.ts'

const ends: readonly string[] = ['run.completed', 'run.failed', 'run.cancelled']

interface Status {
  isRunning: boolean
  runId: string
  events?: WsAgentEvent[]
}

export interface ChatDevice {
  readonly client: WsClient
  /** The events of the run so far, in the order of their numbers. */
  events: () => WsAgentEvent[]
  /** What the run has said in chunks. */
  shown: () => string
  /** Connects anew to an edge and asks for what was missed. */
  resume: (port: number) => Promise<Status>
  /** Waits until so many chunks came. */
  chunks: (count: number) => Promise<void>
  /** Waits for the last event, asking for what the numbers show to be missing. */
  end: () => Promise<WsAgentEvent>
}

/** Follows a session from an edge's port on, as whoever the params of `connect` say. */
export const openDevice = async (port: number, connect: object, sessionKey: string): Promise<ChatDevice> => {
  let client = await connectWs(port, connect)
  const seen = new Map<number, WsAgentEvent>()
  let last: WsAgentEvent | undefined
  let read = 0

  const note = (event: WsAgentEvent) => {
    if (event.sessionKey !== sessionKey) return
    if (ends.includes(event.type)) last = event
    if (event.seq === undefined) return
    const known = seen.get(event.seq)
    // One that comes twice is the same, or the numbers are worth nothing.
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(event))
      throw new Error(`two events ${event.seq}: ${JSON.stringify([known, event])}`)
    seen.set(event.seq, event)
  }
  const readAll = () => {
    for (; read < client.events.length; read++) {
      const { event, payload } = client.events[read]!
      if (event === 'agent') note(payload as WsAgentEvent)
    }
  }
  const events = () => {
    readAll()
    return [...seen.entries()].sort(([a], [b]) => a - b).map(([, event]) => event)
  }
  /** The number up to which nothing is missing. */
  const complete = () => {
    let seq = 0
    for (const event of events()) if (event.seq === seq + 1) seq++
    return seq
  }
  const ask = async (): Promise<Status> => {
    const status = await client.need<Status & Record<string, unknown>>('chat.session.status', {
      sessionKey,
      after: complete(),
    })
    for (const event of status.events ?? []) note(event)
    return status
  }

  return {
    get client() {
      return client
    },
    events,
    shown: () =>
      events()
        .filter(({ type }) => type === 'chunk')
        .map(({ payload }) => payload!.content!)
        .join(''),
    resume: async (other) => {
      readAll()
      client = await connectWs(other, connect)
      read = 0
      return ask()
    },
    chunks: async (count) => {
      await eventually(`${count} chunks`, async () => events().filter(({ type }) => type === 'chunk').length >= count)
    },
    end: () =>
      eventually('the end of the run', async () => {
        const all = events()
        if (last === undefined) return undefined
        if (complete() < (all.at(-1)?.seq ?? 0)) await ask()
        return last
      }),
  }
}
