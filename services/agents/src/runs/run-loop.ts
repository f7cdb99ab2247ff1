/** The agent loop: ask the model, run the tools it calls, ask again, until it answers. */
import type {
  ChatDone,
  ChatMessage,
  ToolCall,
  ToolSpec,
} from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { ToolContext } from '@clawmesh/contracts/gen/clawmesh/tools/v1/tools.ts'
import { MeshError } from '@clawmesh/contracts'
import { cutText, type Call } from '@clawmesh/chassis'
import type { NewMessage } from '../sessions/types.ts'
import type { Agent } from '../agents/types.ts'
import { createClientCalls, type ClientCalls } from './client-calls.ts'
import { shownArguments, type LiveEvents } from './live-events.ts'
import { createLoopDetector } from './loop-detector.ts'
import type { Inbox } from './inbox.ts'
import { createMediaList, mediaRefs, type Media } from './media.ts'
import { callModel, type Chat } from './model-call.ts'
import { injectedMessage, modelMessage } from './model-messages.ts'
import { modelOptions, modelRouting, modelSampling } from './model-options.ts'
import { nudged } from './nudges.ts'
import type { RunTrace } from './spans.ts'
import type { TurnContext } from './turn-context.ts'
import { readableCalls, runToolTurn, storedCalls, type InvokeTool } from './tool-turn.ts'
import type { ClientToolCall, ClientTools, RunOptions, RunResult, ToolCallPiece, Usage } from './types.ts'

/** Answers in a row with calls that cannot be read, each of which the model is told of. */
const maxMalformedInARow = 3
const injectedPreviewChars = 200

export const noUsage: Usage = {
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheCreationTokens: 0,
  thinkingTokens: 0,
}

export const addUsage = (a: Usage, b: Usage): Usage => ({
  inputTokens: a.inputTokens + b.inputTokens,
  outputTokens: a.outputTokens + b.outputTokens,
  cacheReadTokens: a.cacheReadTokens + b.cacheReadTokens,
  cacheCreationTokens: a.cacheCreationTokens + b.cacheCreationTokens,
  thinkingTokens: a.thinkingTokens + b.thinkingTokens,
})

interface LoopInput {
  call: Call
  agent: Agent
  /** Everything the model is shown at first, system prompt included. */
  messages: ChatMessage[]
  tools: ToolSpec[]
  /** The tools once one of them has found others; absent where that changes nothing. */
  moreTools?: () => Promise<ToolSpec[]>
  toolContext: ToolContext
  stream: boolean
  options: RunOptions
  clientTools: ClientTools
  chat: Chat
  invokeTool: InvokeTool
  live: LiveEvents
  trace: RunTrace
  /** Keeps what the model is shown within its window. */
  context: TurnContext
  /** Results of tools from outside that try to take over get a warning. */
  guardsResults: boolean
  onText: (delta: string) => Promise<void>
  onThinking?: (delta: string) => Promise<void>
  /** Takes the calls of the client's tools as they are written. */
  onToolCall: (piece: ToolCallPiece) => Promise<void>
  /** What is said to the run while it is on. */
  inbox: Inbox
  /** Stores a finished iteration. @throws when the run is no longer ours */
  store: (messages: readonly NewMessage[]) => Promise<void>
  /** Called after each model call, so that a run that fails still tells what it has used. */
  used: (usage: Usage, provider: string, model: string) => void
}

interface LoopResult extends Pick<RunResult, 'content' | 'thinking' | 'finishReason' | 'toolCalls' | 'media'> {
  /** The last answer, and what the agent's tools said where it calls tools of both sides; not yet stored. */
  ending: readonly NewMessage[]
}

interface Called {
  tool: ToolCall
  /** The call as the client is told of it, where the client is to carry it out. */
  theirs: ClientToolCall | undefined
}

/** Finds out who carries out which call. One of the client's that cannot be read is ours, unless it was seen already. */
const assigned = async (
  { toolCalls, finishReason }: Pick<ChatDone, 'toolCalls' | 'finishReason'>,
  isClients: (name: string) => boolean,
  clientCalls: ClientCalls,
): Promise<Called[]> => {
  const called: Called[] = []
  for (const [place, tool] of readableCalls(toolCalls, finishReason === 'length').entries()) {
    const isTheirs = isClients(tool.name) && (tool.parseError === '' || clientCalls.wasShown(place))
    const theirs = isTheirs ? await clientCalls.finish(tool, place) : undefined
    called.push({ tool: theirs === undefined ? tool : { ...tool, id: theirs.id }, theirs })
  }
  return called
}

/** The message that an answer is stored as, with the files that go with it. */
const answerMessage = ({ content, thinking }: ChatDone, media: readonly Media[]): NewMessage => {
  const extra = {
    ...(thinking === '' ? {} : { thinking }),
    ...(media.length === 0 ? {} : { mediaRefs: mediaRefs(media) }),
  }
  return { role: 'assistant', content, ...(Object.keys(extra).length === 0 ? {} : { extra }) }
}

/**
 * Runs the loop to its answer, or to calls of the client's tools: those end the turn, once the agent's tools that were
 * called beside them have run. The last of the allowed iterations gets none of the agent's tools, so that it must answer.
 */
export const runAgentLoop = async (input: LoopInput): Promise<LoopResult> => {
  const { call, agent, live, trace, clientTools, toolContext } = input
  let messages = [...input.messages]
  const loops = createLoopDetector()
  const callIds = new Set<string>()
  const clientNames = new Set(clientTools.tools.map(({ name }) => name))
  const isClients = (name: string) => clientNames.has(name)
  const ours = (tools: ToolSpec[]) => (clientNames.size === 0 ? tools : tools.filter(({ name }) => !isClients(name)))
  let ownTools = ours(input.tools)
  const media = createMediaList(agent.workspace)
  let malformedInARow = 0
  let hasSpoken = false
  /** Shows the model what was said meanwhile. */
  const showSaid = (said: readonly NewMessage[], iteration: number) => {
    for (const { content } of said) {
      const preview = cutText(content, injectedPreviewChars)
      live.send({ type: 'activity', phase: 'injected_message', iteration, content: preview })
    }
    messages.push(...said.map(injectedMessage))
  }

  for (let iteration = 1; ; iteration++) {
    if (iteration >= agent.maxToolIterations) ownTools = []
    live.send({ type: 'activity', phase: 'thinking', iteration })
    const clientCalls = createClientCalls({ runId: toolContext.runId, isClients, show: input.onToolCall })
    const offersOwn = ownTools.length > 0
    const isWanted = ({ name }: ToolCall) => offersOwn || isClients(name)
    const offered = clientNames.size === 0 ? ownTools : [...ownTools, ...clientTools.tools]
    const asked = await input.context.ask(messages, (shown) =>
      callModel({
        ...input,
        iteration,
        request: {
          provider: agent.provider,
          model: agent.model,
          messages: nudged(shown, { iteration, most: agent.maxToolIterations, hasSpoken }),
          tools: offered,
          stream: input.stream,
          options: modelOptions(agent, input.options),
          sampling: modelSampling(input.options, clientTools),
          routing: modelRouting(agent, input.options, toolContext.sessionKey),
        },
        onToolCall: clientCalls.push,
        isFinal: ({ toolCalls }) => !toolCalls.some(isWanted),
      }),
    )
    const { done } = asked
    messages = asked.messages
    hasSpoken ||= done.content !== ''
    media.named(done.media)
    input.used(done.usage ?? noUsage, done.provider, done.model)
    const isCut = done.finishReason === 'length'
    const called = (await assigned(done, isClients, clientCalls)).filter(({ tool }) => isWanted(tool))
    const toolCalls = called.flatMap(({ theirs }) => theirs ?? [])
    // Cut in the middle of a call of the client's, asking again would end there too.
    if (called.length === 0 || (isCut && called.every(({ tool, theirs }) => !theirs && isClients(tool.name)))) {
      const answer = answerMessage(done, media.take())
      const said = await input.inbox.takeOrClose()
      if (said.length === 0)
        return {
          ending: [answer],
          content: done.content,
          thinking: done.thinking,
          media: media.all(),
          finishReason: isCut ? 'length' : 'stop',
          toolCalls: [],
        }
      await input.store([answer])
      if (answer.content !== '') messages.push(modelMessage(answer))
      showSaid(said, iteration)
      continue
    }

    if (done.content !== '') live.send({ type: 'block.reply', content: done.content })
    const stored = storedCalls(
      called.map(({ tool }) => tool),
      callIds,
    )
    const assistant: NewMessage = {
      role: 'assistant',
      content: done.content,
      extra: {
        ...(done.thinking === '' ? {} : { thinking: done.thinking }),
        // The provider's own record of the turn holds all its calls.
        ...(done.providerState === '' || called.length < done.toolCalls.length
          ? {}
          : { providerState: done.providerState }),
        toolCalls: stored,
      },
    }
    for (const { id, name, argumentsJson } of toolCalls)
      live.send({ type: 'tool.call', id, name, arguments: shownArguments(argumentsJson) })
    const calls = called.flatMap(({ tool, theirs }, index) => (theirs ? [] : [{ ...tool, id: stored[index]!.id }]))
    if (calls.length > 0)
      live.send({ type: 'activity', phase: 'tool_exec', iteration, tools: calls.map(({ name }) => name) })
    const turn = await runToolTurn({
      call,
      calls,
      context: { ...toolContext, iterationShare: iteration / agent.maxToolIterations },
      invoke: input.invokeTool,
      live,
      trace,
      loops,
      iteration,
      isCut,
      guardsResults: input.guardsResults,
    })
    media.made(turn.made)
    const step = [assistant, ...turn.results]
    if (toolCalls.length > 0)
      return {
        ending: step,
        content: done.content,
        thinking: done.thinking,
        toolCalls,
        media: media.all(),
        finishReason: isCut ? 'length' : 'tool_calls',
      }

    await input.store(step)
    messages.push(...step.map(modelMessage))
    showSaid(await input.inbox.take(), iteration)
    if (turn.foundTools && input.moreTools !== undefined) ownTools = ours(await input.moreTools().catch(() => ownTools))
    if (turn.stop) ownTools = []
    malformedInARow = turn.malformed ? malformedInARow + 1 : 0
    if (malformedInARow > maxMalformedInARow)
      throw new MeshError('UNAVAILABLE', 'error.provider_request_failed', {
        provider: done.provider,
        reason: 'unreadable tool calls',
      })
  }
}
