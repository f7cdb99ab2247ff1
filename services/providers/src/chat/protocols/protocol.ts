/** What a protocol must provide. Protocols do no I/O: they write a request and read an answer. */
import type {
  ChatRequest,
  ChatResponse,
  ToolCall,
  Usage,
} from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { Target } from '../../providers/connection.ts'
import type { UpstreamRequest } from './exchange.ts'

/** A request whose model is settled: alias resolved, never empty. */
export interface ChatCall extends ChatRequest {
  options: NonNullable<ChatRequest['options']>
}

/** A whole answer, as far as the protocol knows it. */
export interface Answer {
  content: string
  thinking: string
  toolCalls: ToolCall[]
  finishReason: string
  usage: Usage | undefined
  /** Empty when upstream did not say. */
  model: string
  providerState: string
}

export type Emit = (event: ChatResponse) => void

/** Reads one answer, event by event or whole. Throws UpstreamFailure for an error or nonsense. */
export interface Decoder {
  /** Takes one server-sent event; true once the terminator was seen. */
  event(data: string, name: string | undefined): boolean
  /** Takes a whole answer, parsed. */
  whole(body: Record<string, unknown>): void
  /** What was read. @throws UpstreamFailure (cut) unless it is complete */
  answer(): Answer
}

export interface Protocol {
  request(target: Target, call: ChatCall): UpstreamRequest
  decoder(target: Target, call: ChatCall, emit: Emit): Decoder
}

export const textDelta = (value: string): ChatResponse => ({ event: { $case: 'textDelta', value } })
export const thinkingDelta = (value: string): ChatResponse => ({ event: { $case: 'thinkingDelta', value } })
export const toolCallDelta = (index: number, id: string, name: string, argumentsDelta: string): ChatResponse => ({
  event: { $case: 'toolCallDelta', value: { index, id, name, argumentsDelta } },
})
