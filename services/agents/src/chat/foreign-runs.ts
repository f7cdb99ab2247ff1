/** Runs what foreign protocols ask for: finds the agent, tells the turn from what came before, and continues turns. */
import type { ContentPart } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { MeshError, type Caller } from '@clawmesh/contracts'
import type { Call } from '@clawmesh/chassis'
import type { AgentLookup } from '../agents/lookup.ts'
import type { Agent } from '../agents/types.ts'
import { runOfCallId } from '../runs/client-calls.ts'
import type { EarlierTurn, EarlierTurns } from '../runs/earlier-turns.ts'
import type { RunObserver, RunRequest, RunResult } from '../runs/types.ts'
import type { Run } from '../runs/use-cases.ts'
import type { NewMessage } from '../sessions/types.ts'
import { textOf, type ForeignMessage, type ForeignPart, type ForeignRequest } from './foreign-request.ts'
import { loadImages } from './images.ts'

/** Messages of an earlier turn's session that are taken along at most. */
const historyLimit = 1_000

export interface ForeignRunsParts {
  run: Run
  lookup: Pick<AgentLookup, 'runnable'>
  earlierTurns: EarlierTurns
  /** Private hosts that an image may be fetched from. */
  fetchAllow: readonly string[]
}

/** Runs a request to its end. @throws what refuses it, and the error that ended its run */
export type RunForeign = (call: Call, request: ForeignRequest, observer?: RunObserver) => Promise<RunResult>

const invalid = (reason: string) =>
  new MeshError('INVALID_REQUEST', 'error.invalid_request', { field: 'messages', reason })

const hasImage = (content: readonly ForeignPart[]): boolean => content.some((part) => 'imageUrl' in part)

/** @throws INVALID_REQUEST for a result without its call right before it, or a call without its result */
const checkResults = (messages: readonly ForeignMessage[]): void => {
  let open = new Set<string>()
  for (const message of messages) {
    if (message.role === 'tool') {
      if (!open.delete(message.toolCallId)) throw invalid('a tool message must answer a tool call right before it')
      continue
    }
    if (open.size > 0) throw invalid('every tool call must be followed by a tool message that answers it')
    if (message.role === 'assistant') open = new Set(message.toolCalls.map(({ id }) => id))
  }
  if (open.size > 0) throw invalid('every tool call must be followed by a tool message that answers it')
}

/** The messages of a request as runs take them, images loaded. Those that say nothing are left out. */
const shownMessages = async (
  messages: readonly ForeignMessage[],
  signal: AbortSignal,
  fetchAllow: readonly string[],
): Promise<NewMessage[]> => {
  const urls = messages.flatMap(({ content }) => content.flatMap((part) => ('imageUrl' in part ? [part.imageUrl] : [])))
  const images = urls.length === 0 ? [] : await loadImages(urls, signal, fetchAllow)
  const partOf = (part: ForeignPart): ContentPart =>
    'text' in part
      ? { part: { $case: 'text', value: part.text } }
      : { part: { $case: 'image', value: images.shift()! } }
  return messages.flatMap((message): NewMessage[] => {
    const { role, content } = message
    const said = {
      role,
      content: textOf(content),
      ...(hasImage(content) ? { parts: content.map(partOf) } : {}),
    }
    if (message.role === 'tool') {
      const { toolCallId, isError } = message
      return [{ ...said, extra: { toolCallId, ...(isError === true ? { isError } : {}) } }]
    }
    if (message.role === 'assistant' && message.toolCalls.length > 0)
      return [{ ...said, extra: { toolCalls: [...message.toolCalls] } }]
    return said.content === '' && said.parts === undefined ? [] : [said]
  })
}

/** What a run is told of a conversation. */
type Turn = Pick<RunRequest, 'message' | 'parts' | 'opening' | 'priorTurns' | 'sessionKey'>

export const createForeignRuns = ({ run, lookup, earlierTurns, fetchAllow }: ForeignRunsParts): RunForeign => {
  /** The turn of ours whose calls are answered; only that of the same user and agent. */
  const continued = async (
    { tenantId, userId }: Caller,
    agent: Agent,
    results: readonly ForeignMessage[],
  ): Promise<EarlierTurn | undefined> => {
    const first = results.find((message) => message.role === 'tool')
    const runId = runOfCallId(first?.toolCallId ?? '')
    if (runId === undefined) return undefined
    const turn = await earlierTurns.find(tenantId, runId)
    return turn?.agentId === agent.id && turn.userId === userId ? turn : undefined
  }

  /**
   * A conversation that ends with tool results. A turn of ours goes on in its session, where also is what the agent's own
   * tools said; when it was continued before, in a copy. Any other is taken as the request tells it.
   */
  const continuation = async (call: Call, agent: Agent, messages: readonly ForeignMessage[]): Promise<Turn> => {
    const lastUser = Math.max(
      0,
      messages.findLastIndex(({ role }) => role === 'user'),
    )
    const shown = (some: readonly ForeignMessage[]) => shownMessages(some, call.signal, fetchAllow)
    const results = messages.slice(messages.findLastIndex(({ role }) => role !== 'tool') + 1)
    const earlier = hasImage(messages[lastUser]!.content) ? undefined : await continued(call.caller, agent, results)
    const priorTurns = await shown(messages.slice(0, lastUser))
    const bare = { message: '', parts: [], priorTurns }
    if (earlier === undefined) return { ...bare, opening: await shown(messages.slice(lastUser)) }
    const answers = await shown(results)
    if (earlier.isLast) return { ...bare, opening: answers, sessionKey: earlier.sessionKey }
    const before = await earlierTurns.messagesUntil(call.caller.tenantId, earlier, historyLimit)
    return { ...bare, opening: [...before, ...answers] }
  }

  /** @throws INVALID_REQUEST when nobody says anything, or for what `loadImages` refuses */
  const turnOf = async (call: Call, agent: Agent, messages: readonly ForeignMessage[]): Promise<Turn> => {
    // A model is asked to answer, not to go on with its own words.
    const isOwnWords = (message: ForeignMessage) => message.role === 'assistant' && message.toolCalls.length === 0
    const asked = messages.slice(0, messages.findLastIndex((message) => !isOwnWords(message)) + 1)
    checkResults(asked)
    const last = asked.at(-1)
    if (last?.role === 'tool') return continuation(call, agent, asked)
    if (last === undefined || (textOf(last.content).trim() === '' && !hasImage(last.content)))
      throw new MeshError('INVALID_REQUEST', 'error.no_user_message', { field: 'messages' })
    const shown = await shownMessages(asked, call.signal, fetchAllow)
    const { content, parts = [] } = shown.pop()!
    return { message: content, parts, priorTurns: shown }
  }

  return async (call, request, observer) => {
    const { caller } = call
    const { agentRef, channel, messages, instructions, ...rest } = request
    const agent = await lookup.runnable(caller, agentRef)
    return run(
      call,
      {
        ...rest,
        ...(await turnOf(call, agent, messages)),
        caller,
        agent,
        userId: caller.userId,
        requestSystem: instructions,
        // Nobody is met in a chat.
        origin: { channel, chatId: 'api', peerKind: 'direct' },
      },
      observer,
    )
  }
}
