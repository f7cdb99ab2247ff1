/**
 * The seam between runs and the protocols that clients speak. A protocol (a folder here) reads its request into a
 * `ForeignRequest`; `foreign-runs.ts` runs it; what the run tells its observer, and its result, the protocol writes in
 * its own words.
 */
import type { ClientTools, RunOptions } from '../runs/types.ts'
import type { StoredToolCall } from '../sessions/types.ts'

/** A text, or an image by its URL. */
export type ForeignPart = { text: string } | { imageUrl: string }

export type ForeignMessage =
  | { role: 'user'; content: readonly ForeignPart[] }
  | { role: 'assistant'; content: readonly ForeignPart[]; toolCalls: readonly StoredToolCall[] }
  | { role: 'tool'; content: readonly ForeignPart[]; toolCallId: string; isError?: boolean }

export interface ForeignRequest {
  /** Agent by id or key. */
  agentRef: string
  /** The channel of the run, which is also in the name of its session. */
  channel: string
  /** The conversation, oldest first. What its last user says, or its last tool results, are the turn. */
  messages: readonly ForeignMessage[]
  /** System text of the request. */
  instructions: string
  options: RunOptions
  clientTools: ClientTools | undefined
  metadata: Readonly<Record<string, string>> | undefined
  stream: boolean
}

/** The texts of a content, joined by line breaks. */
export const textOf = (content: readonly ForeignPart[]): string =>
  content.flatMap((part) => ('text' in part ? [part.text] : [])).join('\n')
