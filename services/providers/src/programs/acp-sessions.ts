/** The programs of the Agent Client Protocol that live on between the turns of their conversations. */
import type { AcpSession } from './acp-session.ts'

interface Kept {
  session: AcpSession
  /** What it was started with; with anything else it is another program. */
  madeOf: string
  /** The system prompt that it was told. */
  system?: string
  idleMs: number
  timer?: NodeJS.Timeout | undefined
}

type KeptSession = Pick<Kept, 'session' | 'system'>

interface Wanted {
  key: string
  madeOf: string
  /** How long it may be idle before it is ended. */
  idleMs: number
  start: () => Promise<AcpSession>
}

/** Of a process; beyond that the one that has been idle for longest goes. */
const mostKept = 64

export const createAcpSessions = () => {
  const kept = new Map<string, Kept>()

  const drop = async (key: string, entry: Kept): Promise<void> => {
    clearTimeout(entry.timer)
    if (kept.get(key) === entry) kept.delete(key)
    await entry.session.end()
  }
  const makeRoom = async (): Promise<void> => {
    const idle = [...kept].find(([, { timer }]) => timer !== undefined)
    if (kept.size >= mostKept && idle !== undefined) await drop(...idle)
  }

  return {
    /**
     * The program of a conversation, a new one where it has none, has ended, or was made of something else. Its caller is the
     * only one that has it, until it gives it back.
     * @throws UpstreamFailure
     */
    take: async ({ key, madeOf, idleMs, start }: Wanted): Promise<KeptSession> => {
      const entry = kept.get(key)
      if (entry !== undefined) {
        clearTimeout(entry.timer)
        entry.timer = undefined
        await entry.session.atRest()
        if (entry.madeOf === madeOf && !entry.session.isOver()) return entry
        await drop(key, entry)
      }
      await makeRoom()
      const fresh: Kept = { session: await start(), madeOf, idleMs }
      kept.set(key, fresh)
      return fresh
    },

    giveBack: (key: string): void => {
      const entry = kept.get(key)
      if (entry === undefined) return
      if (entry.session.isOver()) return void drop(key, entry)
      // The longest idle is the first.
      kept.delete(key)
      kept.set(key, entry)
      entry.timer = setTimeout(() => void drop(key, entry), entry.idleMs)
      entry.timer.unref()
    },

    end: async (key: string): Promise<void> => {
      const entry = kept.get(key)
      if (entry !== undefined) await drop(key, entry)
    },

    stop: async (): Promise<void> => {
      await Promise.all([...kept].map(([key, entry]) => drop(key, entry)))
    },
  }
}

export type AcpSessions = ReturnType<typeof createAcpSessions>
