/** Sound effects of ElevenLabs. Source: https://elevenlabs.io/docs/api-reference/text-to-sound-effects/convert */
import type { ConfigOf } from '@clawmesh/chassis'
import { toolError } from '../tool/tool-error.ts'
import { SpeechFailure } from '../tts/types.ts'
import { audioOf, below, maxAudioAnswer, postJson } from '../tts/vendors/answer.ts'
import type { ttsSettings } from '../tts/settings.ts'
import type { MakeRequest } from './types.ts'

export type SoundEffectsConfig = Pick<
  ConfigOf<{ name: string; settings: typeof ttsSettings }>,
  'ttsElevenlabsKey' | 'ttsElevenlabsBase'
>

export interface SoundEffects {
  provider: string
  /** @throws TOOL_ERROR; what the address guard throws */
  make: (wanted: MakeRequest, signal: AbortSignal) => Promise<Buffer>
}

const timeoutMs = 120_000
const lengthS = { least: 0.5, most: 30 }

/** With the account that speaks: the installation's. */
export const createSoundEffects = (
  { ttsElevenlabsKey: key, ttsElevenlabsBase: base }: SoundEffectsConfig,
  allow: readonly string[],
): SoundEffects | undefined =>
  key === ''
    ? undefined
    : {
        provider: 'elevenlabs',
        make: async ({ prompt, durationS }, signal) => {
          const length =
            durationS === undefined
              ? {}
              : { duration_seconds: Math.min(Math.max(durationS, lengthS.least), lengthS.most) }
          const address = below(base, 'v1/sound-generation?output_format=mp3_44100_128')
          const out = { allow: [...allow], signal, timeoutMs }
          try {
            const answer = await postJson(
              address,
              { text: prompt, ...length },
              { 'xi-api-key': key },
              out,
              maxAudioAnswer,
            )
            return Buffer.from(audioOf(answer))
          } catch (thrown) {
            if (thrown instanceof SpeechFailure) throw toolError(`elevenlabs: ${thrown.message}`)
            throw thrown
          }
        },
      }
