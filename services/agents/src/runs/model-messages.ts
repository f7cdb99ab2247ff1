/** Stored messages as the providers service takes them. */
import type { ChatMessage, Image } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { NewMessage } from '../sessions/types.ts'

const blank = { images: [], toolCalls: [], toolCallId: '', isError: false, thinking: '', providerState: '' }

/** A message that holds only text, and images where given. */
export const textMessage = (role: 'system' | 'user', content: string, images: Image[] = []): ChatMessage => ({
  ...blank,
  role,
  content,
  images,
})

/** A stored message with everything it carries. */
export const modelMessage = ({ role, content, extra }: NewMessage): ChatMessage => ({
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
})
