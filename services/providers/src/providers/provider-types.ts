/** Every type of provider, as data. Adding a vendor that speaks a known protocol is adding a row. */

import type { providerTypes, FileKind } from '@clawmesh/contracts'
import type { SamplingParameter } from '../chat/protocols/sampling-parameter.ts'

/** How a type is talked to. */
export type ProtocolName = 'openai' | 'anthropic' | 'codex' | 'claude_cli' | 'acp' | 'mock'

interface ModelName {
  id: string
  /** How the model is shown. */
  name: string
}

export interface ProviderType {
  protocol: ProtocolName
  /** API base when the connection names none; empty when there is none to assume. */
  base: string
  /** Model when neither the request nor the agent names one; empty when there is none to assume. */
  model: string
  needsKey: boolean
  canChat: boolean
  canEmbed: boolean
  /** Whether it can be told how hard to think. */
  canReason: boolean
  /** Where the list of models comes from: a fixed list, or a vendor's list in one of the known shapes. */
  models: readonly ModelName[] | 'openai' | 'anthropic' | 'gemini'
  /** How a provider is verified: by a tiny call, by its fixed list of models alone, or by whether its program is there. */
  verify: 'call' | 'models' | 'program'
  /** Path of a chat call below the base. */
  chatPath: string
  /** Short names and what they stand for. */
  aliases: Readonly<Record<string, string>>
  /** Ends streams without `data: [DONE]`; a finish_reason is then its terminator. */
  omitsDone: boolean
  /** Cannot stream when tools are offered: such a call is made whole and replayed. */
  streamsTools: boolean
  /** Takes an assistant's earlier thinking back as `reasoning_content`; the others refuse unknown message fields. */
  takesThinking: boolean
  /** Wants users and assistants to alternate: neighbours of one role are joined, tool calls told as text. */
  alternates: boolean
  /** Files that it takes as they are. Texts are told as text where they are not among them. */
  files: readonly FileKind[]
  /** Parameters that the vendor is known to refuse or to pass over in silence. */
  refuses: readonly SamplingParameter[]
  /** What the vendor calls `seed`. */
  seedName: string
  /** Host names of the local machine mean the machine around the container, and /v1 may be missing from the base. */
  local: boolean
  /** Key sent when none is stored. */
  dummyKey: string
  /** Its models are named vendor/model; a bare name is another provider's, and the default is taken. */
  routes: boolean
  /** Names of programs that may stand in place of an address, as may an absolute path; none where it is a URL. */
  programs: readonly string[]
  /** Its key is the token of an account that signs in. */
  signsIn: boolean
  /** A tenant has one at most. */
  single: boolean
}

const blank: ProviderType = {
  protocol: 'openai',
  base: '',
  model: '',
  needsKey: true,
  canChat: true,
  canEmbed: true,
  canReason: true,
  models: 'openai',
  verify: 'call',
  chatPath: '/chat/completions',
  aliases: {},
  omitsDone: false,
  streamsTools: true,
  takesThinking: true,
  alternates: false,
  files: [],
  refuses: [],
  seedName: 'seed',
  local: false,
  dummyKey: '',
  routes: false,
  programs: [],
  signsIn: false,
  single: false,
}

/** Of a program that is told what to answer, and nothing else. */
const allParameters: readonly SamplingParameter[] = [
  'top_p',
  'stop',
  'seed',
  'presence_penalty',
  'frequency_penalty',
  'response_format',
  'logit_bias',
  'tool_choice',
]

const row = (fields: Partial<ProviderType>): ProviderType => ({ ...blank, ...fields })

const named = (names: Record<string, string>): ModelName[] => Object.entries(names).map(([id, name]) => ({ id, name }))

export const providerTypeTable = {
  anthropic_native: row({
    protocol: 'anthropic',
    base: 'https://api.anthropic.com/v1',
    model: 'claude-sonnet-4-5-20250929',
    models: 'anthropic',
    canEmbed: false,
    files: ['pdf', 'text'],
    chatPath: '/messages',
    aliases: { opus: 'claude-opus-4-6', sonnet: 'claude-sonnet-4-6', haiku: 'claude-haiku-4-5-20251001' },
  }),
  openai_compat: row({ base: 'https://api.openai.com/v1', model: 'gpt-4o', files: ['audio', 'pdf'] }),
  gemini_native: row({
    base: 'https://generativelanguage.googleapis.com/v1beta/openai',
    model: 'gemini-2.0-flash',
    models: 'gemini',
    takesThinking: false,
    files: ['audio', 'other_audio', 'pdf', 'video'],
  }),
  openrouter: row({
    base: 'https://openrouter.ai/api/v1',
    model: 'anthropic/claude-sonnet-4-5-20250929',
    routes: true,
    files: ['audio', 'pdf', 'video'],
  }),
  groq: row({ base: 'https://api.groq.com/openai/v1', model: 'llama-3.3-70b-versatile', takesThinking: false }),
  deepseek: row({
    base: 'https://api.deepseek.com/v1',
    model: 'deepseek-chat',
    refuses: ['seed', 'logit_bias', 'parallel_tool_calls'],
  }),
  mistral: row({
    base: 'https://api.mistral.ai/v1',
    model: 'mistral-large-latest',
    takesThinking: false,
    files: ['audio', 'pdf'],
    refuses: ['logit_bias'],
    seedName: 'random_seed',
  }),
  xai: row({ base: 'https://api.x.ai/v1', model: 'grok-3-mini' }),
  minimax_native: row({
    base: 'https://api.minimax.io/v1',
    model: 'MiniMax-M2.5',
    chatPath: '/text/chatcompletion_v2',
    omitsDone: true,
    models: named({
      'MiniMax-Text-01': 'MiniMax Text 01',
      'MiniMax-M1': 'MiniMax M1',
      'MiniMax-M2.7': 'MiniMax M2.7',
      'MiniMax-M2.5': 'MiniMax M2.5',
      'image-01': 'Image 01',
      'MiniMax-Hailuo-2.3': 'Hailuo Video 2.3',
      'MiniMax-Hailuo-2': 'Hailuo Video 2',
      'T2V-01-Director': 'T2V 01 Director',
      'music-2.5+': 'Music 2.5+',
      'music-2.5': 'Music 2.5',
      'speech-02-hd': 'Speech 02 HD',
      'speech-02-turbo': 'Speech 02 Turbo',
    }),
  }),
  cohere: row({
    base: 'https://api.cohere.ai/compatibility/v1',
    model: 'command-a',
    takesThinking: false,
    refuses: ['logit_bias', 'parallel_tool_calls'],
  }),
  perplexity: row({
    base: 'https://api.perplexity.ai',
    model: 'sonar-pro',
    omitsDone: true,
    takesThinking: false,
    alternates: true,
    refuses: ['seed', 'logit_bias', 'parallel_tool_calls'],
  }),
  dashscope: row({
    base: 'https://dashscope-intl.aliyuncs.com/compatible-mode/v1',
    model: 'qwen3-max',
    streamsTools: false,
    models: named({
      'qwen3.5-plus': 'Qwen 3.5 Plus',
      'qwen3.5-turbo': 'Qwen 3.5 Turbo',
      'qwen3-max': 'Qwen 3 Max',
      'qwen3-plus': 'Qwen 3 Plus',
      'qwen3-turbo': 'Qwen 3 Turbo',
      'wan2.6-image': 'Wan 2.6 Image',
      'wan2.1-image': 'Wan 2.1 Image',
      'wan2.6-video': 'Wan 2.6 Video',
    }),
  }),
  bailian: row({
    base: 'https://coding-intl.dashscope.aliyuncs.com/v1',
    model: 'qwen3.5-plus',
    models: named({
      'qwen3.5-plus': 'Qwen 3.5 Plus',
      'kimi-k2.5': 'Kimi K2.5',
      'GLM-5': 'GLM-5',
      'MiniMax-M2.5': 'MiniMax M2.5',
      'qwen3-max-2026-01-23': 'Qwen 3 Max 2026-01-23',
      'qwen3-coder-next': 'Qwen 3 Coder Next',
      'qwen3-coder-plus': 'Qwen 3 Coder Plus',
      'glm-4.7': 'GLM-4.7',
    }),
  }),
  zai: row({ base: 'https://api.z.ai/api/paas/v4', model: 'glm-5' }),
  zai_coding: row({ base: 'https://api.z.ai/api/coding/paas/v4', model: 'glm-5' }),
  yescale: row({ base: 'https://api.yescale.one/v1' }),
  novita: row({ base: 'https://api.novita.ai/openai', model: 'moonshotai/kimi-k2.5' }),
  ollama: row({
    base: 'http://localhost:11434/v1',
    model: 'llama3.3',
    needsKey: false,
    dummyKey: 'ollama',
    local: true,
    refuses: ['logit_bias', 'parallel_tool_calls'],
  }),
  ollama_cloud: row({
    base: 'https://ollama.com/v1',
    model: 'llama3.3',
    refuses: ['logit_bias', 'parallel_tool_calls'],
  }),
  suno: row({
    base: 'https://api.sunoapi.org',
    canChat: false,
    canEmbed: false,
    models: named({ 'v4.5': 'Suno v4.5', v4: 'Suno v4', 'v3.5': 'Suno v3.5' }),
  }),
  chatgpt_oauth: row({
    protocol: 'codex',
    base: 'https://chatgpt.com/backend-api',
    model: 'gpt-5.4',
    // The access token of the account.
    needsKey: false,
    signsIn: true,
    canEmbed: false,
    files: ['pdf'],
    chatPath: '/codex/responses',
    refuses: ['top_p', 'stop', 'seed', 'presence_penalty', 'frequency_penalty', 'logit_bias'],
    models: named({
      'gpt-5.4': 'GPT-5.4',
      'gpt-5.4-mini': 'GPT-5.4 Mini',
      'gpt-5.3-codex': 'GPT-5.3 Codex',
      'gpt-5.3-codex-spark': 'GPT-5.3 Codex Spark',
      'gpt-5.2-codex': 'GPT-5.2 Codex',
      'gpt-5.2': 'GPT-5.2',
      'gpt-5.1-codex': 'GPT-5.1 Codex',
      'gpt-5.1-codex-max': 'GPT-5.1 Codex Max',
      'gpt-5.1-codex-mini': 'GPT-5.1 Codex Mini',
      'gpt-5.1': 'GPT-5.1',
    }),
  }),
  claude_cli: row({
    protocol: 'claude_cli',
    canReason: false,
    refuses: allParameters,
    files: ['pdf', 'text'],
    base: 'claude',
    model: 'sonnet',
    needsKey: false,
    canEmbed: false,
    models: named({ sonnet: 'Sonnet', opus: 'Opus', haiku: 'Haiku' }),
    verify: 'models',
    programs: ['claude'],
    single: true,
  }),
  acp: row({
    protocol: 'acp',
    canReason: false,
    refuses: allParameters,
    base: 'claude',
    needsKey: false,
    canEmbed: false,
    models: named({ claude: 'Claude', codex: 'Codex', gemini: 'Gemini' }),
    verify: 'program',
    programs: ['claude', 'codex', 'gemini'],
  }),
  /** No network, no model: what an embedded Clawmesh answers with until a real provider is stored. */
  mock: row({
    protocol: 'mock',
    canReason: false,
    model: 'mock',
    needsKey: false,
    canEmbed: false,
    models: named({ mock: 'Mock (not a language model)' }),
  }),
} as const satisfies Record<(typeof providerTypes)[number] | 'mock', ProviderType>

type ProviderTypeName = keyof typeof providerTypeTable

/** The row of a type, undefined for a type that is not known. */
export const providerType = (name: string): ProviderType | undefined =>
  Object.hasOwn(providerTypeTable, name) ? providerTypeTable[name as ProviderTypeName] : undefined
