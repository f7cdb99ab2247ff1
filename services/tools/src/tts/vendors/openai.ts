/** https://platform.openai.com/docs/api-reference/audio/createSpeech */
import type { SpeechVendor } from '../types.ts'
import { audioOf, below, maxAudioAnswer, mp3, opus, postJson } from './answer.ts'

interface Account {
  base: string
  key: string
  model: string
  voice: string
}

export const createOpenaiSpeech = ({ base, key, ...own }: Account): SpeechVendor => ({
  name: 'openai',
  speak: async (text, { model = own.model, voice = own.voice, format }, out) => {
    const asked = { model, voice, input: text, response_format: format }
    const headers = { authorization: `Bearer ${key}` }
    const answer = await postJson(below(base, 'audio/speech'), asked, headers, out, maxAudioAnswer)
    return { audio: audioOf(answer), ...(format === 'opus' ? opus : mp3) }
  },
})
