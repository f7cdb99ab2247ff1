/** A step of an agent run, as WebSocket clients are shown it. */
import { z } from 'zod'
import type { RunEvent } from '../events/run-events.ts'

const usage = z.object({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
  cache_creation_tokens: z.int(),
  cache_read_tokens: z.int(),
})

/** A file that goes with an answer. */
export const mediaResult = z.object({ path: z.string().describe('A signed link'), content_type: z.string().optional() })

/** Payload of an event `agent`. */
export const agentEvent = z.object({
  type: z.string(),
  agentId: z.string().describe('Agent key'),
  runId: z.string(),
  seq: z.int().optional().describe('Number of the event in its run, from 1; a gap is what was missed'),
  userId: z.string().optional(),
  channel: z.string().optional(),
  sessionKey: z.string().optional(),
  payload: z
    .object({
      content: z.string(),
      message: z.string(),
      phase: z.string(),
      iteration: z.int(),
      tool: z.string(),
      tools: z.array(z.string()),
      id: z.string(),
      name: z.string(),
      arguments: z.record(z.string(), z.unknown()),
      result: z.string(),
      is_error: z.boolean(),
      attempt: z.string(),
      error: z.string(),
      media: z.array(mediaResult).describe('Files that go with the answer'),
      usage,
    })
    .partial()
    .optional(),
})
export type WsAgentEvent = z.infer<typeof agentEvent>

const detailsOf = (event: RunEvent): WsAgentEvent['payload'] => {
  switch (event.type) {
    case 'run.started':
      return event.message === undefined ? undefined : { message: event.message }
    case 'run.cancelled':
      return undefined
    case 'chunk':
    case 'thinking':
    case 'block.reply':
      return { content: event.content }
    case 'activity': {
      const { phase, iteration, tools, content } = event
      return {
        phase,
        iteration,
        ...(tools?.[0] === undefined ? {} : { tool: tools[0], tools }),
        ...(content === undefined ? {} : { content }),
      }
    }
    case 'tool.call':
      return { id: event.id, name: event.name, arguments: event.arguments }
    case 'tool.result':
      return {
        id: event.id,
        name: event.name,
        is_error: event.isError,
        arguments: event.arguments,
        result: event.result,
        ...(event.isError ? { content: event.result } : {}),
      }
    case 'run.retrying':
      return { attempt: String(event.attempt), error: event.reason }
    case 'run.completed': {
      const { inputTokens, outputTokens, cacheReadTokens, cacheCreationTokens } = event.usage
      return {
        content: event.content,
        ...(event.media === undefined
          ? {}
          : { media: event.media.map(({ path, contentType }) => ({ path, content_type: contentType })) }),
        usage: {
          prompt_tokens: inputTokens,
          completion_tokens: outputTokens,
          total_tokens: inputTokens + outputTokens,
          cache_creation_tokens: cacheCreationTokens,
          cache_read_tokens: cacheReadTokens,
        },
      }
    }
    case 'run.failed':
      return { error: event.error, ...(event.content === undefined ? {} : { content: event.content }) }
  }
}

/** A live event of a run as the payload of an event `agent`. */
export const agentEventOf = (event: RunEvent): WsAgentEvent => {
  const payload = detailsOf(event)
  const { type, agentKey, runId, userId, channel, sessionKey, seq } = event
  return {
    type,
    agentId: agentKey,
    runId,
    ...(seq === undefined ? {} : { seq }),
    userId,
    channel,
    sessionKey,
    ...(payload === undefined ? {} : { payload }),
  }
}
