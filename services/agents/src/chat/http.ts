/** Runs over HTTP: OpenAI's chat completions, whole or streamed, and wake. */
import { errorBody, http, toMeshError, type Caller } from '@clawmesh/contracts'
import { eventStream, implementHttp, streamed, verbatim, type EventStream } from '@clawmesh/chassis'
import type { AgentLookup } from '../agents/lookup.ts'
import type { RunOrigin, RunRequest, RunResult, Usage } from '../runs/types.ts'
import type { Run } from '../runs/use-cases.ts'
import { wakeSessionKey } from '../sessions/session-keys.ts'
import { agentRefOf, chatTurn, userIdOf } from './chat-input.ts'

const toUsage = ({ inputTokens, outputTokens }: Usage) => ({
  prompt_tokens: inputTokens,
  completion_tokens: outputTokens,
  total_tokens: inputTokens + outputTokens,
})

const wholeUsage = ({ usage }: RunResult) => ({ usage: usage && toUsage(usage) })
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
  ...wholeUsage(result),
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
    usage: (usage: Usage) => `${head}"choices":[],"usage":${JSON.stringify(toUsage(usage))}}`,
  }
}

/** Where requests over HTTP come from: nobody is met in a chat. */
const originOf = (channel: 'http' | 'wake'): RunOrigin => ({ channel, chatId: 'api', peerKind: 'direct' })

const asUser = (caller: Caller, userId: string): Caller => ({ ...caller, userId })

export interface ChatParts {
  run: Run
  lookup: Pick<AgentLookup, 'runnable'>
  /** Private hosts that an image may be fetched from. */
  fetchAllow: readonly string[]
}

export const createChatHttp = ({ run, lookup, fetchAllow }: ChatParts) =>
  implementHttp(http.chat)({
    createChatCompletion: async ({ caller: sender, call, body, headers }) => {
      const userId = userIdOf(sender, body.user)
      const caller = asUser(sender, userId)
      const agent = await lookup.runnable(caller, agentRefOf(body.model, headers))
      const request: RunRequest = {
        ...(await chatTurn(body, call.signal, fetchAllow)),
        caller,
        agent,
        userId,
        origin: originOf('http'),
        stream: body.stream === true,
        maxTokens: body.max_completion_tokens ?? body.max_tokens ?? undefined,
      }
      if (body.stream !== true) return verbatim(200, wholeAnswer(await run({ ...call, caller }, request), body.model))

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
          const result = await run({ ...call, caller }, request, {
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

    wakeAgent: async ({ caller: sender, call, params, body }) => {
      const userId = sender.userBound ? sender.userId : (body.userId ?? sender.userId)
      const caller = asUser(sender, userId)
      const agent = await lookup.runnable(caller, params.id)
      const result = await run(
        { ...call, caller },
        {
          caller,
          agent,
          sessionKey: body.sessionKey ?? wakeSessionKey(params.id),
          message: body.message,
          parts: [],
          priorTurns: [],
          requestSystem: '',
          origin: originOf('wake'),
          userId,
          stream: false,
        },
      )
      return verbatim(200, { content: result.content, run_id: result.runId, ...wholeUsage(result) })
    },
  })
