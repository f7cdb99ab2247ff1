/** How long messages are, in characters: texts and the calls and thinking that go with them. */
import { fileKindOf } from '@clawmesh/contracts'
import type { ChatMessage, ContentPart, ToolSpec } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { NewMessage } from '../sessions/types.ts'

/** What frames a message: its role, its ids. */
const frameChars = 48

/** Of a message as it is stored. */
export const storedChars = ({ content, extra }: NewMessage): number =>
  frameChars +
  content.length +
  (extra?.toolCalls === undefined ? 0 : JSON.stringify(extra.toolCalls).length) +
  (extra?.thinking?.length ?? 0)

const partChars = ({ part }: ContentPart): number => {
  if (part?.$case === 'text') return part.value.length
  return part?.$case === 'file' && fileKindOf(part.value.mimeType) === 'text' ? part.value.data.length : 0
}

/** Of a message as it is sent. Images, audio and PDFs count for nothing: what they cost depends on the provider. */
export const sentChars = ({ content, parts, toolCalls, thinking, providerState }: ChatMessage): number =>
  frameChars +
  (parts.length === 0 ? content.length : sumOf(parts, partChars)) +
  toolCalls.reduce((sum, { name, argumentsJson }) => sum + name.length + argumentsJson.length, 0) +
  Math.max(thinking.length, providerState.length)

/** Of a tool as it is offered. */
export const toolChars = ({ description, parametersJson }: ToolSpec): number =>
  description.length + parametersJson.length

export const sumOf = <T>(items: readonly T[], sizeOf: (item: T) => number): number =>
  items.reduce((sum, item) => sum + sizeOf(item), 0)
