/** Steps of a run under the names that clients of older protocol sheets wait for. */
import { z } from 'zod'
import type { WsAgentEvent } from './agent-event.ts'

const run = { runId: z.string(), agentId: z.string(), sessionKey: z.string().optional() }

export const twinPayloads = {
  chat: z.object({ type: z.enum(['chunk', 'thinking']), content: z.string(), userId: z.string().optional(), ...run }),
  chunk: z.object({ content: z.string(), ...run }),
  'tool.call': z.object({ id: z.string(), name: z.string(), arguments: z.record(z.string(), z.unknown()), ...run }),
  'tool.result': z.object({ id: z.string(), name: z.string(), is_error: z.boolean(), result: z.string(), ...run }),
  'run.started': z.object({ message: z.string().optional(), ...run }),
  'run.completed': z.object({
    content: z.string().optional(),
    usage: z.looseObject({}).optional(),
    error: z.string().optional(),
    cancelled: z.boolean().optional(),
    ...run,
  }),
  'run.failed': z.object({ error: z.string(), ...run }),
  'run.cancelled': z.object(run),
} as const

type TwinName = keyof typeof twinPayloads
export interface Twin {
  event: TwinName
  payload: object
}

/**
 * The twins of a step, in the order in which they are sent. Every end is also a `run.completed`, as older clients wait for
 * no other.
 */
export const twinsOf = ({ type, agentId, runId, sessionKey, userId, payload = {} }: WsAgentEvent): Twin[] => {
  const named = { runId, agentId, sessionKey }
  const twin = (event: TwinName, details: object = {}): Twin => ({ event, payload: { ...details, ...named } })
  const { content, error } = payload
  switch (type) {
    case 'chunk':
      return [twin('chunk', { content }), twin('chat', { type, content, userId })]
    case 'thinking':
      return [twin('chat', { type, content, userId })]
    case 'tool.call':
      return [twin(type, { id: payload.id, name: payload.name, arguments: payload.arguments })]
    case 'tool.result':
      return [twin(type, { id: payload.id, name: payload.name, is_error: payload.is_error, result: payload.result })]
    case 'run.started':
      return [twin(type, { message: payload.message })]
    case 'run.completed':
      return [twin(type, { content, usage: payload.usage })]
    case 'run.failed':
      return [twin(type, { error }), twin('run.completed', { error })]
    case 'run.cancelled':
      return [twin(type), twin('run.completed', { cancelled: true })]
    default:
      return []
  }
}
