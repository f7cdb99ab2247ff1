import { implementWs, type Logger } from '@clawmesh/chassis'
import { ws } from '@clawmesh/contracts'
import type { SendingUseCases } from './use-cases.ts'

export const createSendingWs = (sending: SendingUseCases, log: Logger) =>
  implementWs(ws.sending)({
    send: async ({ caller, params: { channel, to, message } }) => {
      const send = await sending.through(caller, channel)
      void (async () => send({ chatId: to, text: message }))().catch((err: unknown) =>
        log.warn({ err, channel, tenantId: caller.tenantId }, 'channels: a text was not sent'),
      )
      return { ok: true, channel, to }
    },
  })
