/** https://elevenlabs.io/docs/api-reference/text-to-speech/convert */
import type { SpeechVendor } from '../types.ts'
import { audioOf, below, maxAudioAnswer, mp3, opus, postJson } from './answer.ts'

interface Account {
  base: string
  key: string
  model: string
  voice: string
}

const formats = { mp3: 'mp3_44100_128', opus: 'opus_48000_64' } as const

export const createElevenlabsSpeech = ({ base, key, ...own }: Account): SpeechVendor => ({
  name: 'elevenlabs',
  speak: async (text, { model = own.model, voice = own.voice, format }, out) => {
    const path = `v1/text-to-speech/${encodeURIComponent(voice)}?output_format=${formats[format]}`
    const asked = { text, model_id: model }
    const answer = await postJson(below(base, path), asked, { 'xi-api-key': key }, out, maxAudioAnswer)
    return { audio: audioOf(answer), ...(format === 'opus' ? opus : mp3) }
  },
})
