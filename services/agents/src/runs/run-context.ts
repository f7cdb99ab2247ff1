/** What a turn is shown of its conversation, and what is to be done about that once the turn has ended. */
import type { ChatMessage, ToolSpec } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { cutText, type Call, type JobQueue, type Logger } from '@clawmesh/chassis'
import type { NewMessage } from '../sessions/types.ts'
import { createAskModel } from './ask-model.ts'
import { charsPerToken, contextSettingsOf } from './context-settings.ts'
import { fitHistory } from './history.ts'
import { longWindowMessages, readHistory, type HistoryWindow } from './history-window.ts'
import type { LiveEvents } from './live-events.ts'
import type { Chat } from './model-call.ts'
import { modelMessage } from './model-messages.ts'
import type { sessionJobs } from './session-jobs.ts'
import type { SessionWorkRows } from './session-rows.ts'
import { sumOf, toolChars } from './sizes.ts'
import type { RunTrace } from './spans.ts'
import { spoken, summarise, transcriptChars, transcriptsOf } from './summary.ts'
import { withSummary } from './summary-messages.ts'
import { wantsTitle } from './title-session.ts'
import { createTurnContext, type TurnContext } from './turn-context.ts'
import type { HeldSession, RunRequest } from './types.ts'

/** A turn waits no longer for a summary of itself. */
const summaryWithinMs = 30_000

interface Parts {
  rows: Pick<SessionWorkRows, 'historyPage'>
  jobs: JobQueue<typeof sessionJobs>
  chat: Chat
  log: Logger
}

interface Turn {
  request: RunRequest
  session: HeldSession
  call: Call
  live: LiveEvents
  trace: RunTrace
}

interface Shown {
  prompt: string
  tools: readonly ToolSpec[]
  /** Stored messages that begin the turn. */
  opening: readonly NewMessage[]
}

/** The conversation of one turn. */
interface RunContext {
  /** The stored messages before the turn. */
  read: () => Promise<HistoryWindow>
  /** As many of them as fit, summary first, and what begins the turn. */
  before: (window: HistoryWindow, shown: Shown) => ChatMessage[]
  /** For the calls of the turn. */
  turn: TurnContext
  /** Asks for what is to be done in the background after a turn that was completed. */
  ended: () => Promise<void>
}

export type CreateRunContext = (turn: Turn) => RunContext

export const createRunContexts = ({ rows, jobs, chat, log }: Parts): CreateRunContext => {
  return ({ request, session, call, live, trace }) => {
    const { agent, origin, priorTurns } = request
    const { tenantId } = request.caller
    const settings = contextSettingsOf(agent)
    let isLong = false
    let lastSent: readonly ChatMessage[] = []

    const summariseHere = async (messages: readonly ChatMessage[]): Promise<string> => {
      // One request must show it all: what is too long loses its middle.
      const chars = transcriptChars(agent)
      const pieces = transcriptsOf(messages.map(spoken), chars)
      const transcript =
        pieces.length === 1
          ? pieces[0]!.text
          : [pieces[0]!, pieces.at(-1)!].map(({ text }) => cutText(text, chars / 2)).join('\n[...]\n')
      return summarise(createAskModel(chat, call, trace), agent, '', transcript, summaryWithinMs)
    }
    const turn = createTurnContext({
      settings,
      log,
      summarise: summariseHere,
      announce: () => live.send({ type: 'activity', phase: 'compacting', iteration: 0 }),
    })

    return {
      read: async () =>
        session.seq > session.firstSeq
          ? readHistory(rows.historyPage(tenantId, session.sessionId), {
              from: session.firstSeq,
              before: session.seq,
              chars: settings.budgetTokens * charsPerToken,
            })
          : { messages: [], isWhole: true },

      before: (window, { prompt, tools, opening }) => {
        const reserved = prompt.length + session.summary.length + request.message.length + sumOf(tools, toolChars)
        const fitted = fitHistory(
          [...priorTurns, ...window.messages, ...opening],
          settings,
          reserved,
          opening.length > 0,
        )
        isLong = !window.isWhole || !fitted.isWhole || window.messages.length > longWindowMessages
        return withSummary(session.summary, fitted.messages).map(modelMessage)
      },

      turn: {
        ...turn,
        ask: async (messages, ask) => {
          const answer = await turn.ask(messages, ask)
          lastSent = answer.messages
          return answer
        },
      },

      ended: async () => {
        const { sessionId, compactionCount, label } = session
        const options = { key: sessionId }
        try {
          if (isLong || turn.historyTokens(lastSent) > settings.budgetTokens)
            await jobs.add(tenantId, 'compactSession', { sessionId, compactionCount }, options)
          if (wantsTitle(origin.channel, label)) await jobs.add(tenantId, 'titleSession', { sessionId }, options)
        } catch (err) {
          log.warn({ err }, 'background work could not be asked for, the next turn asks again')
        }
      },
    }
  }
}
