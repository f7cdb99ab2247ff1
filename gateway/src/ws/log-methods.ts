/** Log records of the mesh on connections that asked for them. */
import type { LogWatch, TailedRecord } from '@clawmesh/chassis'
import type { ws } from '@clawmesh/contracts'
import { maySeeRecord } from '../live/log-records.ts'
import type { OwnMethods } from './own-method.ts'
import { eventOpening } from './sender.ts'
import { callerOfSession, type Session } from './session.ts'

const replayed = 100

const payloadOf = ({ timestamp, level, message, source, attrs }: TailedRecord) => ({
  timestamp,
  time: new Date(timestamp).toISOString(),
  level,
  message,
  ...(source === undefined ? {} : { source }),
  ...(attrs === undefined ? {} : { attrs }),
})

export interface LogMethods {
  methods: OwnMethods<typeof ws.logs>
  /** Ends what a connection watches. */
  leave: (session: Session) => void
}

export const createLogMethods = (watch: LogWatch): LogMethods => {
  const watching = new Map<Session, () => void>()
  const leave = (session: Session) => {
    watching.get(session)?.()
    watching.delete(session)
  }

  return {
    leave,
    methods: {
      'logs.tail': async (session, { action, level, agentId }) => {
        leave(session)
        if (action === 'stop') return { status: 'stopped' }
        const send = (record: TailedRecord) => {
          if (agentId !== undefined && record.agentId !== agentId) return
          // It may be somebody else by now than who began to watch.
          const caller = callerOfSession(session)
          if (caller !== undefined && maySeeRecord(caller, record))
            session.sender.event(eventOpening('log', payloadOf(record)))
        }
        // What comes while the last ones are collected is sent after them; what is among them as well comes once.
        let waiting: TailedRecord[] | undefined = []
        const stop = watch.follow(level, (record) => (waiting === undefined ? send(record) : waiting.push(record)))
        watching.set(session, stop)
        const last = await watch.recent(level, replayed)
        if (watching.get(session) === stop) {
          last.forEach(send)
          const marker = {
            timestamp: Date.now(),
            level: 'info',
            source: 'gateway',
            message: `tailing at ${level}`,
          } as const
          session.sender.event(eventOpening('log', payloadOf(marker)))
          const seen = new Set(last.map((record) => JSON.stringify(record)))
          waiting.filter((record) => !seen.has(JSON.stringify(record))).forEach(send)
        }
        waiting = undefined
        if (session.gone.aborted) leave(session)
        return { status: 'tailing', level }
      },
    },
  }
}
