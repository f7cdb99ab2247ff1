/** Who reads and makes media where nobody says whom, and with which model: the lists of the contract, as data. */
import type { providerTypeTable } from '../providers/provider-types.ts'

type TypeName = keyof typeof providerTypeTable

/** An empty model is the type's own. */
type Asked = readonly [type: TypeName, model: string]

const geminiModel = 'gemini-2.5-flash'
const routedGemini = `google/${geminiModel}`

export const mediaDefaults = {
  read_image: [
    ['openrouter', ''],
    ['gemini_native', geminiModel],
    ['anthropic_native', ''],
    ['dashscope', 'qwen3-vl-plus'],
  ],
  read_document: [
    ['gemini_native', geminiModel],
    ['anthropic_native', ''],
    ['openrouter', ''],
    ['dashscope', ''],
  ],
  read_audio: [
    ['gemini_native', geminiModel],
    ['openai_compat', 'gpt-audio'],
    ['openrouter', routedGemini],
  ],
  read_video: [
    ['gemini_native', geminiModel],
    ['openrouter', routedGemini],
  ],
  create_image: [
    ['openrouter', 'google/gemini-2.5-flash-image'],
    ['gemini_native', 'gemini-2.5-flash-image'],
    ['openai_compat', 'gpt-image-1'],
    ['minimax_native', 'image-01'],
    ['dashscope', 'wan2.6-t2i'],
  ],
  create_video: [
    ['gemini_native', 'veo-3.1-generate-preview'],
    ['minimax_native', 'MiniMax-Hailuo-2.3'],
    ['openrouter', 'google/veo-3.1'],
  ],
  create_audio: [['minimax_native', 'music-2.5+']],
} as const satisfies Record<string, readonly Asked[]>

/** Models of those that are asked only by name. */
export const furtherModels: Partial<Record<MediaTool, Partial<Record<string, string>>>> = {
  create_audio: { suno: 'v4.5' },
}

export type MediaTool = keyof typeof mediaDefaults

export const isMediaTool = (tool: string): tool is MediaTool => Object.hasOwn(mediaDefaults, tool)

/** What chains may call a type. */
export const mediaAliases: Partial<Record<string, string>> = {
  anthropic_native: 'anthropic',
  dashscope: 'dashscope',
  gemini_native: 'gemini',
  minimax_native: 'minimax',
  openai_compat: 'openai',
  openrouter: 'openrouter',
  suno: 'suno',
}
