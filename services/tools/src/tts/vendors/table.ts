/** Which vendors an installation has set up. */
import type { ConfigOf } from '@clawmesh/chassis'
import { ttsVendors } from '@clawmesh/contracts'
import type { ttsSettings } from '../settings.ts'
import type { SpeechVendor, TtsVendor } from '../types.ts'
import { createEdgeSpeech } from './edge.ts'
import { createElevenlabsSpeech } from './elevenlabs.ts'
import { createMinimaxSpeech } from './minimax.ts'
import { createOpenaiSpeech } from './openai.ts'

export type TtsConfig = ConfigOf<{ name: string; settings: typeof ttsSettings }>

/** A row for each vendor: undefined where it is not set up. */
const makers: Record<TtsVendor, (config: TtsConfig) => SpeechVendor | undefined> = {
  openai: ({ ttsOpenaiKey: key, ttsOpenaiBase: base, ttsOpenaiModel: model, ttsOpenaiVoice: voice }) =>
    key === '' ? undefined : createOpenaiSpeech({ key, base, model, voice }),
  elevenlabs: ({
    ttsElevenlabsKey: key,
    ttsElevenlabsBase: base,
    ttsElevenlabsModel: model,
    ttsElevenlabsVoice: voice,
  }) => (key === '' ? undefined : createElevenlabsSpeech({ key, base, model, voice })),
  edge: ({ ttsEdgeEnabled, ttsEdgeUrl: url, ttsEdgeVoice: voice, ttsEdgeRate: rate }) =>
    ttsEdgeEnabled ? createEdgeSpeech({ url, voice, rate }) : undefined,
  minimax: ({
    ttsMinimaxKey: key,
    ttsMinimaxGroupId: groupId,
    ttsMinimaxBase: base,
    ttsMinimaxModel: model,
    ttsMinimaxVoice: voice,
  }) => (key === '' ? undefined : createMinimaxSpeech({ key, groupId, base, model, voice })),
}

/** In the order of `ttsVendors`. */
export const vendorsOf = (config: TtsConfig): SpeechVendor[] => ttsVendors.flatMap((name) => makers[name](config) ?? [])
