import { z } from 'zod'
import { defineWsTable } from '../method.ts'

const channel = z.string().min(1).max(100)
const to = z.string().min(1).max(255)

export const sending = defineWsTable('channels', {
  send: {
    role: 'operator',
    summary: 'Send a text to a chat of one of the channels',
    rules: {
      sendsInTheBackground:
        'The answer comes before the text is sent; that a platform refuses it is logged, and told to nobody',
      knowsOwnChannelsOnly: 'A channel that the tenant does not have is answered NOT_FOUND',
      refusesWhatCannotSend:
        'A channel that is switched off, or of a platform that the installation cannot talk to, is answered FAILED_PRECONDITION',
      readsOlderNames: '`to` may be called `chatId`, and `message` `text` or `content`',
    },
    params: z.object({
      channel: channel.describe('Name of the channel instance'),
      to: to.describe('Id of the chat on its platform'),
      message: z.string().min(1).max(100_000),
    }),
    aliases: { to: ['chatId', 'chat_id'], message: ['text', 'content'] },
    result: z.object({ ok: z.literal(true), channel, to }),
    errors: ['FAILED_PRECONDITION', 'NOT_FOUND'],
  },
})
