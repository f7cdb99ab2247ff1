/** How a model is shown what was said before the messages that it sees. */
import type { NewMessage } from '../sessions/types.ts'

export const summaryHeading = '[Summary of the conversation so far]'
const acknowledged = 'I have read the summary and go on from there.'

/** The summary as what a user says; with the message that the turn is about, where that is not shown by itself. */
export const summaryText = (summary: string, request = ''): string =>
  [summaryHeading, summary, ...(request === '' ? [] : ['[The message that you are working on]', request])].join('\n\n')

/**
 * The summary before the messages that follow it; an assistant's word is put between two of the user's. Without a
 * summary, a conversation begins with a user's message.
 */
export const withSummary = (summary: string, messages: readonly NewMessage[]): NewMessage[] => {
  if (summary === '') {
    const first = messages.findIndex(({ role }) => role === 'user')
    return first === -1 ? [] : messages.slice(first)
  }
  const shown: NewMessage = { role: 'user', content: summaryText(summary) }
  return messages[0]?.role === 'assistant'
    ? [shown, ...messages]
    : [shown, { role: 'assistant', content: acknowledged }, ...messages]
}
