/** https://platform.minimax.io/docs/api-reference/speech-t2a-http: audio comes as hex in JSON, errors with HTTP 200. */
import { z } from 'zod'
import { mostAudioBytes, SpeechFailure, type SpeechVendor } from '../types.ts'
import { below, mp3, postJson } from './answer.ts'

interface Account {
  base: string
  key: string
  groupId: string
  model: string
  voice: string
}

const answerSchema = z.object({
  data: z.object({ audio: z.string() }).nullish(),
  base_resp: z.object({ status_code: z.int() }),
})

const reasons: Readonly<Record<number, string>> = {
  1001: 'it took too long',
  1002: 'it was asked too often',
  1004: 'the key is refused',
  1008: 'the account has no balance left',
  1039: 'it was asked too often',
  2013: 'the request is refused',
  2049: 'the key is refused',
}

const readJson = (body: Uint8Array): unknown => {
  try {
    return JSON.parse(new TextDecoder().decode(body))
  } catch {
    return undefined
  }
}

/** It has no Opus. */
export const createMinimaxSpeech = ({ base, key, groupId, ...own }: Account): SpeechVendor => ({
  name: 'minimax',
  speak: async (text, { model = own.model, voice = own.voice }, out) => {
    const asked = {
      model,
      text,
      stream: false,
      output_format: 'hex',
      voice_setting: { voice_id: voice, speed: 1, vol: 1, pitch: 0 },
      audio_setting: { sample_rate: 32_000, bitrate: 128_000, format: 'mp3', channel: 1 },
    }
    const query = groupId === '' ? '' : `?GroupId=${encodeURIComponent(groupId)}`
    const headers = { authorization: `Bearer ${key}` }
    const address = below(base, `t2a_v2${query}`)
    const { body } = await postJson(address, asked, headers, out, 2 * mostAudioBytes + 100_000)
    const { data: answer } = answerSchema.safeParse(readJson(body))
    if (answer === undefined) throw new SpeechFailure('its answer cannot be read')
    const { status_code: status } = answer.base_resp
    if (status !== 0) throw new SpeechFailure(reasons[status] ?? `it answered with code ${status}`)
    const audio = Buffer.from(answer.data?.audio ?? '', 'hex')
    if (audio.length === 0) throw new SpeechFailure('its answer is empty')
    return { audio, ...mp3 }
  },
})
