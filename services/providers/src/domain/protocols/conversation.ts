/** What both wires do with a conversation. */
import type { ChatMessage, Image } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'

/** The conversation without assistant turns at its end: a model is asked to answer, not to go on with its own words. */
export const withoutTrailingAssistant = (messages: readonly ChatMessage[]): readonly ChatMessage[] =>
  messages.slice(0, messages.findLastIndex((message) => message.role !== 'assistant') + 1)

/** The bytes of an image as base64. */
export const base64 = ({ data }: Image): string =>
  Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64')
