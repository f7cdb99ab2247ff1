import { implementWs } from '@clawmesh/chassis'
import { ws } from '@clawmesh/contracts'
import type { TtsUseCases } from './use-cases.ts'

export const createTtsWs = (tts: TtsUseCases) =>
  implementWs(ws.tts)({
    'tts.status': ({ call }) => tts.status(call),
    'tts.providers': ({ call }) => tts.providers(call),
    'tts.enable': async ({ call, params: { auto } }) => {
      await tts.setAuto(call, auto)
      return { ok: true }
    },
    'tts.disable': async ({ call }) => {
      await tts.setAuto(call, 'off')
      return { ok: true }
    },
    'tts.setProvider': async ({ call, params: { provider } }) => {
      await tts.setProvider(call, provider)
      return { ok: true, provider }
    },
    'tts.convert': async ({ call, params }) => {
      const { audio, ...speech } = await tts.speak(call, params)
      return { ...speech, audio: Buffer.from(audio).toString('base64') }
    },
  })
