/** The agent loop: ask the model, run the tools it calls, ask again, until it answers. */
import type { ChatMessage, ToolSpec } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { ToolContext } from '@clawmesh/contracts/gen/clawmesh/tools/v1/tools.ts'
import { MeshError } from '@clawmesh/contracts'
import type { Call } from '@clawmesh/chassis'
import type { NewMessage } from '../../store/runs.ts'
import type { Agent, Usage } from '../types.ts'
import type { LiveEvents } from './live-events.ts'
import { createLoopDetector } from './loop-detector.ts'
import { callModel, type Chat } from './model-call.ts'
import { modelMessage } from './model-messages.ts'
import type { RunTrace } from './spans.ts'
import { runToolTurn, storedCalls, type InvokeTool } from './tool-turn.ts'

const defaultMaxTokens = 8_192
const maxMalformedInARow = 3

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

export interface LoopInput {
  call: Call
  agent: Agent
  /** Everything the model is shown at first, system prompt included. */
  messages: ChatMessage[]
  tools: ToolSpec[]
  toolContext: ToolContext
  stream: boolean
  maxTokens: number | undefined
  chat: Chat
  invokeTool: InvokeTool
  live: LiveEvents
  trace: RunTrace
  onText: (delta: string) => Promise<void>
  /** Stores a finished iteration. @throws when the run is no longer ours */
  store: (messages: readonly NewMessage[]) => Promise<void>
  /** Called after each model call, so that a run that fails still tells what it has used. */
  used: (usage: Usage, provider: string, model: string) => void
}

export interface LoopResult {
  /** The last answer, not yet stored. */
  answer: NewMessage
  finishReason: 'stop' | 'length'
}

const maxTokensOf = ({ agent, maxTokens }: LoopInput): number => {
  const configured = Number(agent.otherConfig['max_tokens']) || defaultMaxTokens
  return maxTokens === undefined ? configured : Math.min(configured, maxTokens)
}

const reasoningOf = ({ otherConfig }: Agent): string => {
  const reasoning = otherConfig['reasoning'] as { effort?: string } | undefined
  return reasoning?.effort ?? (otherConfig['thinking_level'] as string | undefined) ?? ''
}

/** Runs the loop to its answer. The last of the allowed iterations gets no tools, so that it must answer. */
export const runAgentLoop = async (input: LoopInput): Promise<LoopResult> => {
  const { call, agent, live, trace } = input
  const messages = [...input.messages]
  const loops = createLoopDetector()
  const callIds = new Set<string>()
  let malformedInARow = 0
  let tools = input.tools

  for (let iteration = 1; ; iteration++) {
    if (iteration >= agent.maxToolIterations) tools = []
    live.send({ type: 'activity', phase: 'thinking', iteration })
    const done = await callModel({
      ...input,
      iteration,
      request: {
        provider: agent.provider,
        model: agent.model,
        messages,
        tools,
        stream: input.stream,
        options: { maxTokens: maxTokensOf(input), temperature: undefined, reasoningEffort: reasoningOf(agent) },
      },
    })
    input.used(done.usage ?? noUsage, done.provider, done.model)
    const extra = {
      ...(done.thinking === '' ? {} : { thinking: done.thinking }),
      ...(done.providerState === '' ? {} : { providerState: done.providerState }),
    }
    if (done.toolCalls.length === 0 || tools.length === 0)
      return {
        answer: {
          role: 'assistant',
          content: done.content,
          ...(done.thinking === '' ? {} : { extra: { thinking: done.thinking } }),
        },
        finishReason: done.finishReason === 'length' ? 'length' : 'stop',
      }

    if (done.content !== '') live.send({ type: 'block.reply', content: done.content })
    live.send({ type: 'activity', phase: 'tool_exec', iteration })
    const toolCalls = storedCalls(done.toolCalls, callIds)
    const calls = done.toolCalls.map((tool, index) => ({ ...tool, id: toolCalls[index]!.id }))
    const assistant: NewMessage = { role: 'assistant', content: done.content, extra: { ...extra, toolCalls } }
    const turn = await runToolTurn({
      call,
      calls,
      context: input.toolContext,
      invoke: input.invokeTool,
      live,
      trace,
      loops,
    })
    await input.store([assistant, ...turn.results])
    messages.push(...[assistant, ...turn.results].map(modelMessage))
    if (turn.stop) tools = []
    malformedInARow = turn.malformed ? malformedInARow + 1 : 0
    if (malformedInARow >= maxMalformedInARow)
      throw new MeshError('UNAVAILABLE', 'error.provider_request_failed', {
        provider: done.provider,
        reason: 'unreadable tool calls',
      })
  }
}
