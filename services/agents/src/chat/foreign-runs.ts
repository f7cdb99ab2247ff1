/** Runs what foreign protocols ask for: finds the agent, tells the turn from what came before, and continues turns. */
import { randomUUID } from 'node:crypto'
import type { ContentPart } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { MeshError, toMeshError, type Caller } from '@clawmesh/contracts'
import { createLinkStream, type Call } from '@clawmesh/chassis'
import type { AgentLookup } from '../agents/lookup.ts'
import type { Agent } from '../agents/types.ts'
import { runOfCallId } from '../runs/client-calls.ts'
import type { EarlierTurn, EarlierTurns } from '../runs/earlier-turns.ts'
import type { RunObserver, RunOrigin, RunRequest, RunResult } from '../runs/types.ts'
import type { Run } from '../runs/use-cases.ts'
import type { DeliverTo } from '../sessions/delivery.ts'
import { httpSessionKey } from '../sessions/session-keys.ts'
import type { NewMessage } from '../sessions/types.ts'
import type { SessionUseCases } from '../sessions/use-cases.ts'
import { mediaOf, textOf, type ForeignMessage, type ForeignPart, type ForeignRequest } from './foreign-request.ts'
import { loadMedia } from './load-media.ts'
import { resolved } from './references.ts'

/** Nobody is met in a chat. */
export const httpOrigin: RunOrigin = { channel: 'http', chatId: 'api', peerKind: 'direct' }

/** Messages of an earlier turn among which calls may wait for their results. */
const endingLimit = 200
/** Messages of an earlier turn of which items are named. */
const wholeTurnLimit = 10_000

export interface ForeignRunsParts {
  run: Run
  lookup: Pick<AgentLookup, 'runnable'>
  earlierTurns: EarlierTurns
  sessions: Pick<SessionUseCases, 'branch'>
  deliverTo: DeliverTo
  /** Private hosts that images and files may be fetched from. */
  fetchAllow: readonly string[]
}

/** Runs a request to its end. @throws what refuses it, and the error that ended its run */
export type RunForeign = (call: Call, request: ForeignRequest, observer?: RunObserver) => Promise<RunResult>

const invalid = (reason: string) =>
  new MeshError('INVALID_REQUEST', 'error.invalid_request', { field: 'messages', reason })

const hasMedia = (content: readonly ForeignPart[]): boolean => content.some((part) => !('text' in part))

const orphanResult = () => invalid('a tool message must answer a tool call right before it')
const openCall = () => invalid('every tool call must be followed by a tool message that answers it')

/**
 * `waiting` are calls that wait for their results before the first message.
 * @throws INVALID_REQUEST for a result without its call right before it, or a call without its result
 */
const checkResults = (messages: readonly ForeignMessage[], waiting: readonly string[] = []): void => {
  let open = new Set(waiting)
  for (const message of messages) {
    if (message.role === 'tool') {
      if (!open.delete(message.toolCallId)) throw orphanResult()
      continue
    }
    if (open.size > 0) throw openCall()
    if (message.role === 'assistant') open = new Set(message.toolCalls.map(({ id }) => id))
  }
  if (open.size > 0) throw openCall()
}

/** The calls at the end of a session that nobody has answered. */
const waitingCalls = (messages: readonly NewMessage[]): string[] => {
  const last = messages.findLastIndex(({ role }) => role !== 'tool')
  const answered = new Set(messages.slice(last + 1).map(({ extra }) => extra?.toolCallId))
  return (messages[last]?.extra?.toolCalls ?? []).map(({ id }) => id).filter((id) => !answered.has(id))
}

/** The messages of a request as runs take them, images and files loaded. Those that say nothing are left out. */
const shownMessages = async (
  messages: readonly ForeignMessage[],
  signal: AbortSignal,
  fetchAllow: readonly string[],
): Promise<NewMessage[]> => {
  const media = messages.flatMap(({ content }) => mediaOf(content))
  const loaded = media.length === 0 ? [] : await loadMedia(media, signal, fetchAllow)
  const partOf = (part: ForeignPart): ContentPart =>
    'text' in part ? { part: { $case: 'text', value: part.text } } : loaded.shift()!
  return messages.flatMap((message): NewMessage[] => {
    const { role, content } = message
    const said = {
      role,
      content: textOf(content),
      ...(message.cacheMark === true ? { cacheMark: true } : {}),
      ...(hasMedia(content) ? { parts: content.map(partOf) } : {}),
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

/** What is said now, for which the rules of messages hold, and what comes before it. */
const split = (messages: readonly NewMessage[]) => {
  const last = messages.at(-1)
  if (last?.role !== 'user') return { turn: { message: '', parts: [] }, earlierMessages: messages }
  const { content: message, parts = [], cacheMark } = last
  return { turn: { message, parts, cacheMark }, earlierMessages: messages.slice(0, -1) }
}

/** What a run is told of a conversation. */
type Turn = Pick<RunRequest, 'runId' | 'message' | 'parts' | 'cacheMark' | 'opening' | 'priorTurns' | 'sessionKey'>

/** A model is asked to answer, not to go on with its own words. */
const withoutOwnWords = (messages: readonly ForeignMessage[]): readonly ForeignMessage[] => {
  const isOwnWords = (message: ForeignMessage) => message.role === 'assistant' && message.toolCalls.length === 0
  return messages.slice(0, messages.findLastIndex((message) => !isOwnWords(message)) + 1)
}

const saysNothing = ({ content }: ForeignMessage): boolean => textOf(content).trim() === '' && !hasMedia(content)

/** Each call may have a session of its own, but those of a user with an agent begin with the same prompt. */
const cacheKeyOf = ({ tenantId, userId }: Caller, agent: Agent, named = ''): string =>
  JSON.stringify([tenantId, agent.id, userId, named])

export const createForeignRuns = ({
  run,
  lookup,
  earlierTurns,
  sessions,
  deliverTo,
  fetchAllow,
}: ForeignRunsParts): RunForeign => {
  /** A turn of the caller with the agent. */
  const ownTurn = ({ tenantId, userId }: Caller, agent: Agent, runIdPrefix: string) =>
    earlierTurns.find({ tenantId, userId, agentId: agent.id }, runIdPrefix)

  return async (call, request, observer) => {
    const { caller } = call
    const { agentRef, sessionName, messages, storesHistory = false, continues, instructions, ...rest } = request
    const agent = await lookup.runnable(caller, agentRef)
    const whole = await resolved(messages, async (runIdPrefix) => {
      const earlier = await ownTurn(caller, agent, runIdPrefix)
      return earlier && { ...earlier, messages: await earlierTurns.ending(caller.tenantId, earlier, wholeTurnLimit) }
    })
    const asked = withoutOwnWords(whole)
    const shown = (some: readonly ForeignMessage[]) => shownMessages(some, call.signal, fetchAllow)

    /** Where a turn goes on: in its session, or in a branch of that up to it when something came after. */
    const placeAfter = async ({ sessionKey: key, lastSeq: seq, isLast }: EarlierTurn) => {
      if (isLast) return { sessionKey: key }
      for (;;) {
        const runId = rest.runId ?? randomUUID()
        const newKey = httpSessionKey(agent.agentKey, caller.userId, runId, sessionName)
        try {
          await sessions.branch(call, key, { seq, newKey })
          return { runId, sessionKey: newKey }
        } catch (thrown) {
          // Eight digits of an id meet again in a busy agent's lifetime.
          if (rest.runId !== undefined || toMeshError(thrown).code !== 'ALREADY_EXISTS') throw thrown
        }
      }
    }

    /** A turn that its run's id names. @throws NOT_FOUND */
    const afterTurn = async (runIdPrefix: string): Promise<Turn> => {
      const earlier = await ownTurn(caller, agent, runIdPrefix)
      if (earlier === undefined)
        throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'response', id: `resp-${runIdPrefix}` })
      checkResults(asked, waitingCalls(await earlierTurns.ending(caller.tenantId, earlier, endingLimit)))
      const { turn, earlierMessages: opening } = split(await shown(asked))
      return { ...turn, priorTurns: [], opening, ...(await placeAfter(earlier)) }
    }

    /**
     * A conversation that ends with tool results, which begin at `tail`, and perhaps words behind them. A turn of ours goes
     * on in its session, where also is what the agent's own tools said. Any other, and one with images or files, which
     * are not stored, is taken as the request tells it.
     */
    const afterResults = async (tail: number): Promise<Turn | undefined> => {
      const lastUser = Math.max(
        0,
        asked.slice(0, tail).findLastIndex(({ role }) => role === 'user'),
      )
      const first = asked[tail]
      const runId = first?.role === 'tool' ? runOfCallId(first.toolCallId) : undefined
      if (runId === undefined || asked.slice(lastUser, tail).some(({ content }) => hasMedia(content))) return undefined
      const earlier = await ownTurn(caller, agent, runId)
      if (earlier === undefined) return undefined
      const { turn, earlierMessages } = split(await shown(asked.slice(tail)))
      return {
        ...turn,
        priorTurns: storesHistory ? [] : await shown(asked.slice(0, lastUser)),
        opening: earlierMessages,
        ...(await placeAfter(earlier)),
      }
    }

    /** A conversation as the request tells it. Results are stored with the turn that they belong to. */
    const toldTurn = async (): Promise<Turn> => {
      if (storesHistory || asked.at(-1)!.role === 'user') {
        const { turn, earlierMessages } = split(await shown(asked))
        return storesHistory
          ? { ...turn, priorTurns: [], opening: earlierMessages }
          : { ...turn, priorTurns: earlierMessages }
      }
      const begin = Math.max(
        0,
        asked.findLastIndex(({ role }) => role === 'user'),
      )
      const priorTurns = await shown(asked.slice(0, begin))
      return { message: '', parts: [], priorTurns, opening: await shown(asked.slice(begin)) }
    }

    /** @throws INVALID_REQUEST when nobody says anything, or for what `loadMedia` refuses */
    const turnOf = async (): Promise<Turn> => {
      const last = asked.at(-1)
      if (last === undefined || (last.role === 'user' && saysNothing(last)))
        throw new MeshError('INVALID_REQUEST', 'error.no_user_message', { field: 'messages' })
      if (continues !== undefined) return afterTurn(continues)
      checkResults(asked)
      const tail = asked.findLastIndex(({ role }) => role === 'assistant') + 1
      return (await afterResults(tail)) ?? toldTurn()
    }

    const { text, sign } = deliverTo(caller)
    const links = createLinkStream(sign)
    const show = async (delta: string) => {
      if (delta !== '') await observer?.text?.(delta)
    }
    const reader = observer?.text && { ...observer, text: (delta: string) => show(links.push(delta)) }
    const result = await run(
      call,
      {
        ...rest,
        options: { ...rest.options, cacheKey: cacheKeyOf(caller, agent, rest.options.cacheKey) },
        ...(await turnOf()),
        caller,
        agent,
        sessionName,
        userId: caller.userId,
        requestSystem: instructions,
        origin: httpOrigin,
      },
      reader ?? observer,
    )
    await show(links.end())
    return { ...result, content: text(result.content) }
  }
}
