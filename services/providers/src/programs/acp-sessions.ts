/** The programs of the Agent Client Protocol that live on between the turns of their conversations. */
import { cancelledBy, UpstreamFailure } from '../chat/protocols/failure.ts'
import type { AcpSession } from './acp-session.ts'

interface Kept {
  session: AcpSession
  /** What it was started with; with anything else it is another program. */
  madeOf: string
  /** The system prompt that it was told. */
  system?: string
  /** What its user said last, as whoever asked it wants to know that again. */
  asked?: string
  idleMs: number
  timer?: NodeJS.Timeout | undefined
}

type KeptSession = Pick<Kept, 'session' | 'system' | 'asked'>

interface Wanted {
  key: string
  madeOf: string
  /** What the user said before this turn, undefined where nobody knows. A program that was asked something else last is stale. */
  asked: string | undefined
  /** How long it may be idle before it is ended. */
  idleMs: number
  /** Of its caller. */
  signal?: AbortSignal | undefined
  /** @param signal ends what is starting */
  start: (signal: AbortSignal) => Promise<AcpSession>
}

/** Of a process, those that are starting among them; where there are so many, the one that has been idle for longest goes. */
const mostKept = 64

export const createAcpSessions = () => {
  const kept = new Map<string, Kept>()
  const starting = new Set<Promise<AcpSession>>()
  const stopping = new AbortController()

  const drop = async (key: string, entry: Kept): Promise<void> => {
    clearTimeout(entry.timer)
    if (kept.get(key) === entry) kept.delete(key)
    await entry.session.end()
  }
  /** One that has to go so that another can start. @throws UpstreamFailure where all are at work */
  const inTheWay = (): [string, Kept] | undefined => {
    if (kept.size + starting.size < mostKept) return undefined
    const idle = [...kept].find(([, { timer }]) => timer !== undefined)
    if (idle === undefined) throw new UpstreamFailure('rate_limit', 'too many programs are at work')
    return idle
  }
  const begin = async (leaving: [string, Kept] | undefined, { signal, start }: Wanted): Promise<AcpSession> => {
    if (leaving !== undefined) await drop(...leaving)
    const signals = AbortSignal.any([stopping.signal, ...(signal === undefined ? [] : [signal])])
    if (signals.aborted) throw cancelledBy(signals)
    const session = await start(signals)
    if (!stopping.signal.aborted) return session
    await session.end()
    throw cancelledBy(stopping.signal)
  }
  const fits = ({ madeOf, asked, session }: Kept, wanted: Wanted): boolean =>
    madeOf === wanted.madeOf &&
    !session.isOver() &&
    (asked === undefined || wanted.asked === undefined || asked === wanted.asked)

  return {
    /**
     * The program of a conversation, a new one where it has none, has ended, was made of something else, or has missed a turn.
     * Its caller is the only one that has it, until it gives it back.
     * @throws UpstreamFailure
     */
    take: async (wanted: Wanted): Promise<KeptSession> => {
      const { key, madeOf, idleMs } = wanted
      const entry = kept.get(key)
      if (entry !== undefined) {
        clearTimeout(entry.timer)
        entry.timer = undefined
        await entry.session.atRest()
        if (fits(entry, wanted)) return entry
        await drop(key, entry)
      }
      const begun = begin(inTheWay(), wanted)
      starting.add(begun)
      try {
        const fresh: Kept = { session: await begun, madeOf, idleMs }
        kept.set(key, fresh)
        return fresh
      } finally {
        starting.delete(begun)
      }
    },

    giveBack: (key: string): void => {
      const entry = kept.get(key)
      if (entry === undefined) return
      clearTimeout(entry.timer)
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

    /** Ends all, those that are starting too; no more start. */
    stop: async (): Promise<void> => {
      stopping.abort()
      await Promise.allSettled(starting)
      await Promise.all([...kept].map(([key, entry]) => drop(key, entry)))
    },
  }
}

export type AcpSessions = ReturnType<typeof createAcpSessions>
