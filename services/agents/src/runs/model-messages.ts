/** Stored messages as the providers service takes them. */
import type { ChatMessage, ContentPart } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { NewMessage } from '../sessions/types.ts'

const blank = { images: [], toolCalls: [], toolCallId: '', isError: false, thinking: '', providerState: '', parts: [] }

/** A message that holds only text; with parts, its texts and images in their order. */
export const textMessage = (role: 'system' | 'user', content: string, parts: ContentPart[] = []): ChatMessage => ({
  ...blank,
  role,
  content,
  parts,
})

/** A stored message with everything it carries. */
export const modelMessage = ({ role, content, extra, parts = [], cacheMark }: NewMessage): ChatMessage => ({
  ...blank,
  role,
  content,
  toolCalls: (extra?.toolCalls ?? []).map(({ id, name, arguments: args, parseError }) => ({
    id,
    name,
    argumentsJson: JSON.stringify(args),
    parseError: parseError ?? '',
  })),
  toolCallId: extra?.toolCallId ?? '',
  isError: extra?.isError ?? false,
  thinking: extra?.thinking ?? '',
  providerState: extra?.providerState ?? '',
  parts,
  cacheMark,
})

/** A message that was said while the run was on; its note is the model's alone. */
export const injectedMessage = ({ content }: NewMessage): ChatMessage =>
  textMessage('user', `[The person wrote this while you were working. Take it into account and go on.]\n${content}`)

/** What was shown of an answer that was cut short, as it is stored; nothing where nothing was shown. */
export const partialAnswer = (shown: string): NewMessage[] =>
  shown === '' ? [] : [{ role: 'assistant', content: shown, extra: { partial: true } }]
