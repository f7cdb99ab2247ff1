/** Runs over HTTP: OpenAI's chat completions, whole or streamed, and wake. */
import { errorBody, toMeshError, type Caller, type http } from '@clawmesh/contracts'
import { eventStream, streamed, type EventStream, type Handlers } from '@clawmesh/chassis'
import type { AgentLookup } from '../domain/resolve-agent.ts'
import type { RunRequest, RunResult, Runs } from '../domain/run/runs.ts'
import type { Usage } from '../domain/types.ts'
import { wakeSessionKey } from '../domain/session-keys.ts'
import { agentRefOf, chatTurn, userIdOf } from './chat-input.ts'

const usageToWire = ({ inputTokens, outputTokens }: Usage) => ({
  prompt_tokens: inputTokens,
  completion_tokens: outputTokens,
  total_tokens: inputTokens + outputTokens,
})

const wholeUsage = (usage: Usage | undefined) => (usage === undefined ? {} : { usage: usageToWire(usage) })
const completionId = (runId: string) => `chatcmpl-${runId.slice(0, 8)}`
const unixSeconds = () => Math.floor(Date.now() / 1000)

const wholeAnswer = (result: RunResult, model: string) => ({
  id: completionId(result.runId),
  object: 'chat.completion' as const,
  created: unixSeconds(),
  model,
  choices: [
    {
      index: 0 as const,
      message: { role: 'assistant' as const, content: result.content },
      finish_reason: result.finishReason,
    },
  ],
  ...wholeUsage(result.usage),
})

/** Frames of one streamed completion. All of it but the delta is the same in every chunk, so it is made once. */
const chunkFrames = (runId: string, model: string) => {
  const head = `{"id":"${completionId(runId)}","object":"chat.completion.chunk","created":${unixSeconds()},"model":${JSON.stringify(model)},`
  const choice = (delta: object, finish: string | null) =>
    `${head}"choices":[{"index":0,"delta":${JSON.stringify(delta)},"finish_reason":${JSON.stringify(finish)}}]}`
  return {
    role: () => choice({ role: 'assistant', content: '' }, null),
    text: (content: string) => choice({ content }, null),
    finish: (reason: string) => choice({}, reason),
    usage: (usage: Usage) => `${head}"choices":[],"usage":${JSON.stringify(usageToWire(usage))}}`,
  }
}

interface Parts {
  runs: Runs
  lookup: AgentLookup
  /** Private hosts that an image may be fetched from. */
  fetchAllow: readonly string[]
}

export const createChatHandlers = ({
  runs,
  lookup,
  fetchAllow,
}: Parts): Handlers<typeof http.agents, 'createChatCompletion' | 'wakeAgent'> => ({
  createChatCompletion: async ({ caller, call, body, headers }) => {
    const userId = userIdOf(caller, body.user)
    const agent = await lookup.runnable(caller, agentRefOf(body.model, headers))
    const request: RunRequest = {
      ...(await chatTurn(body, call.signal, fetchAllow)),
      caller: asUser(caller, userId),
      agent,
      userId,
      channel: 'http',
      stream: body.stream === true,
      maxTokens: body.max_completion_tokens ?? body.max_tokens ?? undefined,
    }
    if (body.stream !== true) return wholeAnswer(await runs.run(call, request), body.model)

    return streamed(async (response) => {
      let events: EventStream | undefined
      let frames: ReturnType<typeof chunkFrames> | undefined
      // Headers wait for the first sign of life, so that a run that fails before it gets its proper status.
      const open = async (): Promise<EventStream> => {
        if (events === undefined) {
          events = eventStream(response)
          await events.send(frames!.role())
        }
        return events
      }
      try {
        const result = await runs.run(call, request, {
          started: (runId) => {
            frames = chunkFrames(runId, body.model)
          },
          text: async (delta) => (await open()).send(frames!.text(delta)),
          busy: () => void open(),
        })
        const stream = await open()
        await stream.send(frames!.finish(result.finishReason))
        if (body.stream_options?.include_usage === true && result.usage !== undefined)
          await stream.send(frames!.usage(result.usage))
        await stream.send('[DONE]')
        stream.end()
      } catch (thrown) {
        if (events === undefined) throw thrown
        await events.send(JSON.stringify(errorBody(toMeshError(thrown), caller.locale, 'openai')))
        events.end()
      }
    })
  },

  wakeAgent: async ({ caller, call, params, body }) => {
    const agent = await lookup.runnable(caller, params.id)
    const userId = caller.userBound ? caller.userId : (body.user_id ?? caller.userId)
    const result = await runs.run(call, {
      caller: asUser(caller, userId),
      agent,
      sessionKey: body.session_key ?? wakeSessionKey(params.id),
      message: body.message,
      images: [],
      priorTurns: [],
      requestSystem: '',
      channel: 'wake',
      userId,
      stream: false,
    })
    return { content: result.content, run_id: result.runId, ...wholeUsage(result.usage) }
  },
})

const asUser = (caller: Caller, userId: string): Caller => ({ ...caller, userId })
