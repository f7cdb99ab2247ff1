import { z } from 'zod'
import { flag, integer, text, type Setting } from '@clawmesh/chassis'
import { ttsAutoModes, ttsSpeakingModes, ttsVendors } from '@clawmesh/contracts'
import { longestText } from './types.ts'

const ofTenants = 'where a tenant does not say'

export const ttsSettings = {
  ttsProvider: {
    env: ['CLAWMESH_TTS_PROVIDER'],
    file: 'tts.provider',
    schema: z.enum(['', ...ttsVendors]).default(''),
    about: `Who speaks first ${ofTenants}: openai, elevenlabs, edge or minimax; empty for the first that is set up`,
  },
  ttsAuto: {
    env: ['CLAWMESH_TTS_AUTO'],
    file: 'tts.auto',
    schema: z.enum(ttsAutoModes).default('off'),
    about: `Which answers are to be spoken by themselves ${ofTenants}: off, always, inbound or tagged`,
  },
  ttsMode: {
    env: ['CLAWMESH_TTS_MODE'],
    file: 'tts.mode',
    schema: z.enum(ttsSpeakingModes).default('final'),
    about: `What of an answer is to be spoken by itself ${ofTenants}: final or all`,
  },
  ttsMaxLength: {
    env: ['CLAWMESH_TTS_MAX_LENGTH'],
    file: 'tts.max_length',
    schema: integer(1_500, 1, longestText),
    about: `Characters after which a text is cut before it is spoken, ${ofTenants}`,
  },
  ttsTimeoutMs: {
    env: ['CLAWMESH_TTS_TIMEOUT_MS'],
    file: 'tts.timeout_ms',
    schema: integer(30_000, 1, 120_000),
    about: `How long a provider of speech may take, ${ofTenants}`,
  },
  ttsOpenaiKey: {
    env: ['CLAWMESH_TTS_OPENAI_API_KEY', 'GOCLAW_TTS_OPENAI_API_KEY'],
    file: 'tts.openai.api_key',
    schema: text(''),
    about: 'Speech of OpenAI: key. Without one it is not set up',
    secret: true,
  },
  ttsOpenaiBase: {
    env: ['CLAWMESH_TTS_OPENAI_API_BASE'],
    file: 'tts.openai.api_base',
    schema: text('https://api.openai.com/v1'),
    about: 'Speech of OpenAI: address, or that of another that speaks its protocol',
  },
  ttsOpenaiModel: {
    env: ['CLAWMESH_TTS_OPENAI_MODEL'],
    file: 'tts.openai.model',
    schema: text('gpt-4o-mini-tts'),
    about: 'Speech of OpenAI: model',
  },
  ttsOpenaiVoice: {
    env: ['CLAWMESH_TTS_OPENAI_VOICE'],
    file: 'tts.openai.voice',
    schema: text('alloy'),
    about: 'Speech of OpenAI: voice',
  },
  ttsElevenlabsKey: {
    env: ['CLAWMESH_TTS_ELEVENLABS_API_KEY', 'GOCLAW_TTS_ELEVENLABS_API_KEY'],
    file: 'tts.elevenlabs.api_key',
    schema: text(''),
    about: 'Speech of ElevenLabs: key. Without one it is not set up',
    secret: true,
  },
  ttsElevenlabsBase: {
    env: ['CLAWMESH_TTS_ELEVENLABS_BASE_URL'],
    file: 'tts.elevenlabs.base_url',
    schema: text('https://api.elevenlabs.io'),
    about: 'Speech of ElevenLabs: address',
  },
  ttsElevenlabsModel: {
    env: ['CLAWMESH_TTS_ELEVENLABS_MODEL_ID'],
    file: 'tts.elevenlabs.model_id',
    schema: text('eleven_multilingual_v2'),
    about: 'Speech of ElevenLabs: model',
  },
  ttsElevenlabsVoice: {
    env: ['CLAWMESH_TTS_ELEVENLABS_VOICE_ID'],
    file: 'tts.elevenlabs.voice_id',
    schema: text('21m00Tcm4TlvDq8ikWAM'),
    about: 'Speech of ElevenLabs: id of the voice',
  },
  ttsEdgeEnabled: {
    env: ['CLAWMESH_TTS_EDGE_ENABLED'],
    file: 'tts.edge.enabled',
    schema: flag(false),
    about: 'Speech of Microsoft Edge, which needs no key: texts go to Microsoft without an account',
  },
  ttsEdgeUrl: {
    env: ['CLAWMESH_TTS_EDGE_URL'],
    file: 'tts.edge.url',
    schema: text('wss://speech.platform.bing.com/consumer/speech/synthesize/readaloud/edge/v1'),
    about: 'Speech of Microsoft Edge: address',
  },
  ttsEdgeVoice: {
    env: ['CLAWMESH_TTS_EDGE_VOICE'],
    file: 'tts.edge.voice',
    schema: text('en-US-MichelleNeural'),
    about: 'Speech of Microsoft Edge: voice',
  },
  ttsEdgeRate: {
    env: ['CLAWMESH_TTS_EDGE_RATE'],
    file: 'tts.edge.rate',
    schema: z
      .string()
      .regex(/^[+-]\d{1,3}%$/)
      .default('+0%'),
    about: 'Speech of Microsoft Edge: how much faster or slower, such as +10%',
  },
  ttsMinimaxKey: {
    env: ['CLAWMESH_TTS_MINIMAX_API_KEY', 'GOCLAW_TTS_MINIMAX_API_KEY'],
    file: 'tts.minimax.api_key',
    schema: text(''),
    about: 'Speech of MiniMax: key. Without one it is not set up',
    secret: true,
  },
  ttsMinimaxGroupId: {
    env: ['CLAWMESH_TTS_MINIMAX_GROUP_ID', 'GOCLAW_TTS_MINIMAX_GROUP_ID'],
    file: 'tts.minimax.group_id',
    schema: text(''),
    about: 'Speech of MiniMax: id of the group that the key belongs to, where it needs one',
    secret: true,
  },
  ttsMinimaxBase: {
    env: ['CLAWMESH_TTS_MINIMAX_API_BASE'],
    file: 'tts.minimax.api_base',
    schema: text('https://api.minimax.io/v1'),
    about: 'Speech of MiniMax: address',
  },
  ttsMinimaxModel: {
    env: ['CLAWMESH_TTS_MINIMAX_MODEL'],
    file: 'tts.minimax.model',
    schema: text('speech-02-hd'),
    about: 'Speech of MiniMax: model',
  },
  ttsMinimaxVoice: {
    env: ['CLAWMESH_TTS_MINIMAX_VOICE_ID'],
    file: 'tts.minimax.voice_id',
    schema: text('Wise_Woman'),
    about: 'Speech of MiniMax: id of the voice',
  },
} as const satisfies Record<string, Setting>
