import type { Message, MessageExtra } from './types.ts'

/** A message as SQL reads it. */
export interface MessageRow {
  role: Message['role']
  content: string
  extra: MessageExtra | null
  created_at: Date
  /** Where it was asked for. */
  seq?: number
}

export const toMessage = ({ role, content, extra, created_at: createdAt, seq }: MessageRow): Message => ({
  role,
  content,
  extra: extra ?? undefined,
  createdAt,
  ...(seq === undefined ? {} : { seq }),
})
