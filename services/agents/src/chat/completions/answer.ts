/** Chat completions of OpenAI, written. Sources: OpenAI API reference, "The chat completion object" and "... chunk object". */
import { errorBody, type Locale } from '@clawmesh/contracts'
import type { RunResult, Usage } from '../../runs/types.ts'
import type { EventFrame, RunWriter } from '../run-stream.ts'

export const toUsage = ({ inputTokens, outputTokens, cacheReadTokens }: Usage) => ({
  prompt_tokens: inputTokens,
  completion_tokens: outputTokens,
  total_tokens: inputTokens + outputTokens,
  prompt_tokens_details: { cached_tokens: cacheReadTokens },
})

const completionId = (runId: string) => `chatcmpl-${runId.slice(0, 8)}`
const unixSeconds = () => Math.floor(Date.now() / 1000)

/** A turn that has ended, as one completion. */
export const wholeCompletion = ({ runId, content, finishReason, toolCalls, usage }: RunResult, model: string) => ({
  id: completionId(runId),
  object: 'chat.completion' as const,
  created: unixSeconds(),
  model,
  choices: [
    {
      index: 0 as const,
      message: {
        role: 'assistant' as const,
        content,
        ...(toolCalls.length === 0
          ? {}
          : {
              tool_calls: toolCalls.map(({ id, name, argumentsJson }) => ({
                id,
                type: 'function' as const,
                function: { name, arguments: argumentsJson },
              })),
            }),
      },
      finish_reason: finishReason,
    },
  ],
  usage: usage && toUsage(usage),
})

interface ChunkOptions {
  model: string
  includeUsage: boolean
  locale: Locale
}

/** Writes a turn as chunks. All of a chunk but its delta is the same in each, so it is made once. */
export const chunkWriter =
  ({ model, includeUsage, locale }: ChunkOptions) =>
  (runId: string): RunWriter => {
    const head = `{"id":"${completionId(runId)}","object":"chat.completion.chunk","created":${unixSeconds()},"model":${JSON.stringify(model)},`
    const choice = (delta: object, finish: string | null): EventFrame => ({
      data: `${head}"choices":[{"index":0,"delta":${JSON.stringify(delta)},"finish_reason":${JSON.stringify(finish)}}]}`,
    })
    return {
      open: () => [choice({ role: 'assistant', content: '' }, null)],
      text: (content) => [choice({ content }, null)],
      toolCall: ({ index, id, name, argumentsDelta }) => {
        const named = id === '' ? {} : { id, type: 'function' }
        const called = { ...(name === '' ? {} : { name }), arguments: argumentsDelta }
        return [choice({ tool_calls: [{ index, ...named, function: called }] }, null)]
      },
      end: ({ finishReason, usage }) => [
        choice({}, finishReason),
        ...(includeUsage && usage !== undefined
          ? [{ data: `${head}"choices":[],"usage":${JSON.stringify(toUsage(usage))}}` }]
          : []),
        { data: '[DONE]' },
      ],
      fail: (error) => [{ data: JSON.stringify(errorBody(error, locale, 'openai')) }],
    }
  }
