/** The calls that are under way over one connection: their time, which stands still while a user is asked, and who that is. */
import type { ElicitResult, InputRequests } from '@modelcontextprotocol/client'

/** Answers what a server asks in the middle of a call. */
export interface Elicitor {
  /** Who is asked, and where: calls of one can stand for each other. */
  name: string
  /** Undefined where nobody answers. */
  ask: (params: unknown, signal: AbortSignal) => Promise<ElicitResult | undefined>
}

/** That a server may ask in the course of one call. */
const mostQuestions = 10
const declined: ElicitResult = { action: 'decline' }

interface RunningCall {
  elicit: Elicitor | undefined
  /** Asks the user of this call. */
  ask: (params: unknown) => Promise<ElicitResult>
}

export const createCalls = () => {
  const running = new Set<RunningCall>()

  return {
    /** Asks the one user whose calls are under way; where there are several, nobody knows who is meant. */
    ask: async (params: unknown): Promise<ElicitResult> => {
      const [first, ...others] = running
      if (first?.elicit === undefined) return declined
      return others.every(({ elicit }) => elicit?.name === first.elicit!.name) ? first.ask(params) : declined
    },

    /** @param timeoutMs how long the server may take, without what users take to answer */
    begin: (timeoutMs: number, leaving: AbortSignal, elicit: Elicitor | undefined) => {
      const late = new AbortController()
      const signal = AbortSignal.any([leaving, late.signal])
      let leftMs = timeoutMs
      let startedAt = performance.now()
      let timer: NodeJS.Timeout | undefined
      let asking = 0
      let asked = 0
      /** Somebody who does not answer is not waited for again. */
      let isAway = false
      const run = () => {
        startedAt = performance.now()
        timer = setTimeout(() => late.abort(new Error('the server did not answer in time')), Math.max(leftMs, 0))
      }
      const hold = () => {
        clearTimeout(timer)
        leftMs -= performance.now() - startedAt
      }
      run()
      const call: RunningCall = {
        elicit,
        ask: async (params) => {
          if (elicit === undefined || isAway || ++asked > mostQuestions) return declined
          if (asking++ === 0) hold()
          try {
            const answer = await elicit.ask(params, signal)
            isAway ||= answer === undefined
            return answer ?? declined
          } finally {
            if (--asking === 0 && running.has(call)) run()
          }
        },
      }
      running.add(call)
      return {
        signal,
        isLate: () => late.signal.aborted,
        /** @throws Error for what is not offered to servers, and for too much */
        answer: async (requests: InputRequests): Promise<Record<string, ElicitResult>> => {
          const entries = Object.entries(requests)
          if (entries.length > mostQuestions) throw new Error('the server asks too much at once')
          const answered = entries.map(async ([key, { method, params }]) => {
            if (method !== 'elicitation/create')
              throw new Error(`the server asks for what it is not offered: ${method}`)
            return [key, await call.ask(params)] as const
          })
          return Object.fromEntries(await Promise.all(answered))
        },
        end: () => {
          clearTimeout(timer)
          running.delete(call)
        },
      }
    },
  }
}
