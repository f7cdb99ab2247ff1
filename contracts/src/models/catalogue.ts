/**
 * What is known of models: prices, windows and abilities, each vendor's figures with the page that they are of and the day
 * on which it said so. A figure that nobody has published, or that depends on a plan, is null: unknown, and not zero.
 */

/** US dollars per million tokens. Tokens of a cache cost what other input does where they have no price. */
export interface ModelPrice {
  input_per_million: number
  output_per_million: number
  cache_read_per_million?: number | undefined
  cache_create_per_million?: number | undefined
}

export const modelAbilities = ['images', 'audio', 'documents', 'tools', 'reasoning', 'embeddings'] as const
/** What a model takes in beside text, and what it can do. */
type ModelAbility = (typeof modelAbilities)[number]

export interface CatalogueModel {
  name: string
  /** Other names of the same model. A name with the day of its release at its end needs none. */
  aliases: readonly string[]
  price: ModelPrice | null
  /** Tokens of a prompt and its answer together. */
  contextWindow: number | null
  /** Most tokens of an answer. */
  maxOutputTokens: number | null
  abilities: readonly ModelAbility[]
  /** Page of the vendor that says so. */
  source: string
  /** Day on which it did: `2026-11-05`. */
  asOf: string
}

interface Facts {
  price?: ModelPrice
  window?: number
  output?: number
  aliases?: readonly string[]
  asOf?: string
}

/**
 * OpenRouter names a model by its maker, and a version with a dot where Anthropic writes a hyphen; it passes prices on.
 */
const routedName = (maker: string, name: string): string => `${maker}/${name.replace(/-(\d)-(\d)$/, '-$1.$2')}`

const vendor =
  (source: string, asOf: string, abilities: readonly ModelAbility[], maker?: string) =>
  (name: string, { price, window, output, aliases = [], asOf: own = asOf }: Facts): CatalogueModel => ({
    name,
    aliases: [...new Set([...aliases, ...(maker === undefined ? [] : [`${maker}/${name}`, routedName(maker, name)])])],
    price: price ?? null,
    contextWindow: window ?? null,
    maxOutputTokens: output ?? null,
    abilities,
    source,
    asOf: own,
  })

const price = (input: number, output: number, cacheRead?: number): ModelPrice => ({
  input_per_million: input,
  output_per_million: output,
  ...(cacheRead === undefined ? {} : { cache_read_per_million: cacheRead }),
})

/** Anthropic writes its cache (5 minutes) at five quarters of the input price and reads it at a tenth, or less. */
const cached = (input: number, output: number, cacheRead = input / 10): ModelPrice => ({
  ...price(input, output, cacheRead),
  cache_create_per_million: (input * 5) / 4,
})

const k = 1_000
const mega = 1_000_000
const binaryMega = 1_048_576

const claude = vendor(
  'https://platform.claude.com/docs/en/models/overview',
  '2026-10-07',
  ['images', 'documents', 'tools', 'reasoning'],
  'anthropic',
)
const olderClaude = vendor(
  'https://platform.claude.com/docs/en/models/overview',
  '2026-03-01',
  ['images', 'documents', 'tools'],
  'anthropic',
)
const gpt = vendor(
  'https://developers.openai.com/api/docs/pricing',
  '2026-03-01',
  ['images', 'tools', 'reasoning'],
  'openai',
)
const plainGpt = vendor('https://developers.openai.com/api/docs/pricing', '2026-03-01', ['images', 'tools'], 'openai')
const openAiEmbedding = vendor('https://developers.openai.com/api/docs/pricing', '2026-03-01', ['embeddings'])
const gemini = vendor(
  'https://ai.google.dev/gemini-api/docs/pricing',
  '2026-03-01',
  ['images', 'audio', 'documents', 'tools', 'reasoning'],
  'google',
)
const olderGemini = vendor(
  'https://ai.google.dev/gemini-api/docs/pricing',
  '2026-03-01',
  ['images', 'audio', 'documents', 'tools'],
  'google',
)
const groq = vendor('https://groq.com/pricing', '2026-03-01', ['tools'])
const deepseek = vendor('https://api-docs.deepseek.com/quick_start/pricing', '2026-03-01', ['tools'])
const mistral = vendor('https://mistral.ai/pricing', '2026-03-01', ['images', 'tools'])
const grok = vendor('https://docs.x.ai/docs/models', '2026-03-01', ['tools', 'reasoning'])
const minimax = vendor('https://platform.minimax.io/docs/guides/pricing', '2026-03-01', ['tools', 'reasoning'])
const cohere = vendor('https://cohere.com/pricing', '2026-03-01', ['tools'])
const perplexity = vendor('https://docs.perplexity.ai/getting-started/pricing', '2026-03-01', [])
const qwen = vendor('https://www.alibabacloud.com/help/en/model-studio/models', '2026-03-01', ['tools'])
const glm = vendor('https://docs.z.ai/guides/overview/pricing', '2026-03-01', ['tools', 'reasoning'])
const kimi = vendor('https://platform.moonshot.ai/docs/pricing/chat', '2026-03-01', ['images', 'tools'])

/** Models by the name that their vendor gives them. */
export const modelCatalogue: readonly CatalogueModel[] = [
  claude('claude-fable-5-1', { price: cached(10, 50, 0.25), window: mega, output: 128 * k, asOf: '2026-10-01' }),
  claude('claude-fable-5', { price: cached(10, 50), window: mega, output: 128 * k }),
  claude('claude-opus-5-5', { price: cached(4, 20, 0.2), window: mega, output: 128 * k, asOf: '2026-09-22' }),
  claude('claude-opus-5', { price: cached(5, 25), window: mega, output: 128 * k }),
  claude('claude-sonnet-5-5', { price: cached(2, 10, 0.1), window: mega, output: 128 * k }),
  claude('claude-sonnet-5', { price: cached(2, 10), window: mega, output: 128 * k }),
  claude('claude-haiku-5-5', { price: cached(0.1, 0.5), window: mega, output: 128 * k }),
  claude('claude-opus-4-6', { price: cached(5, 25), window: mega, output: 128 * k }),
  claude('claude-opus-4-5', {
    price: cached(5, 25),
    window: 200 * k,
    output: 64 * k,
  }),
  claude('claude-opus-4-1', { price: cached(15, 75), window: 200 * k, output: 32 * k }),
  claude('claude-opus-4', { price: cached(15, 75), window: 200 * k, output: 32 * k }),
  claude('claude-sonnet-4-6', { price: cached(3, 15), window: mega, output: 128 * k }),
  claude('claude-sonnet-4-5', {
    price: cached(3, 15),
    window: 200 * k,
    output: 64 * k,
  }),
  claude('claude-sonnet-4', { price: cached(3, 15), window: 200 * k, output: 64 * k }),
  claude('claude-3-7-sonnet', { price: cached(3, 15), window: 200 * k, output: 64 * k, asOf: '2026-03-01' }),
  claude('claude-haiku-4-5', {
    price: cached(1, 5),
    window: 200 * k,
    output: 64 * k,
  }),
  olderClaude('claude-3-5-haiku', { price: cached(0.8, 4), window: 200 * k, output: 8_192 }),
  olderClaude('claude-3-haiku', { price: cached(0.25, 1.25), window: 200 * k, output: 4_096 }),

  gpt('gpt-6.1-sol', {
    price: { ...price(2, 10, 0.1), cache_create_per_million: 2.5 },
    asOf: '2026-09-29',
  }),
  gpt('gpt-6.1-terra', {
    price: { ...price(1, 5, 0.05), cache_create_per_million: 1.25 },
    asOf: '2026-10-26',
  }),
  gpt('gpt-6-astra', { price: price(10, 50, 1), asOf: '2026-09-03' }),
  gpt('gpt-6-sol', { price: { ...price(2, 10, 0.2), cache_create_per_million: 2.5 }, asOf: '2026-09-22' }),
  gpt('gpt-6-luna', { price: { ...price(0.1, 0.5, 0.01), cache_create_per_million: 0.125 }, asOf: '2026-09-22' }),
  gpt('gpt-5.4', { price: price(2.5, 15, 0.25), window: 1_050_000, output: 128 * k }),
  gpt('gpt-5.4-mini', { price: price(0.75, 4.5, 0.075), window: 400 * k, output: 128 * k }),
  gpt('gpt-5.3-codex', { price: price(1.75, 14, 0.175), window: 400 * k, output: 128 * k }),
  // Only there with a plan.
  gpt('gpt-5.3-codex-spark', {}),
  gpt('gpt-5.2', { price: price(1.75, 14, 0.175), window: 400 * k, output: 128 * k }),
  gpt('gpt-5.2-codex', { price: price(1.75, 14, 0.175), window: 400 * k, output: 128 * k }),
  gpt('gpt-5.1', { price: price(1.25, 10, 0.125), window: 400 * k, output: 128 * k }),
  gpt('gpt-5.1-codex', { price: price(1.25, 10, 0.125), window: 400 * k, output: 128 * k }),
  gpt('gpt-5.1-codex-max', { price: price(1.25, 10, 0.125), window: 400 * k, output: 128 * k }),
  gpt('gpt-5.1-codex-mini', { price: price(0.25, 2, 0.025), window: 400 * k, output: 128 * k }),
  gpt('gpt-5', { price: price(1.25, 10, 0.125), window: 400 * k, output: 128 * k }),
  gpt('gpt-5-codex', { price: price(1.25, 10, 0.125), window: 400 * k, output: 128 * k }),
  gpt('gpt-5-mini', {
    price: price(0.25, 2, 0.025),
    window: 400 * k,
    output: 128 * k,
  }),
  gpt('gpt-5-nano', { price: price(0.05, 0.4, 0.005), window: 400 * k, output: 128 * k }),
  plainGpt('gpt-4.1', { price: price(2, 8, 0.5), window: 1_047_576, output: 32_768 }),
  plainGpt('gpt-4.1-mini', { price: price(0.4, 1.6, 0.1), window: 1_047_576, output: 32_768 }),
  plainGpt('gpt-4.1-nano', { price: price(0.1, 0.4, 0.025), window: 1_047_576, output: 32_768 }),
  plainGpt('gpt-4o', { price: price(2.5, 10, 1.25), window: 128 * k, output: 16_384 }),
  plainGpt('gpt-4o-mini', {
    price: price(0.15, 0.6, 0.075),
    window: 128 * k,
    output: 16_384,
  }),
  gpt('o1', { price: price(15, 60, 7.5), window: 200 * k, output: 100 * k }),
  gpt('o3', { price: price(2, 8, 0.5), window: 200 * k, output: 100 * k }),
  gpt('o3-mini', { price: price(1.1, 4.4, 0.55), window: 200 * k, output: 100 * k }),
  gpt('o4-mini', { price: price(1.1, 4.4, 0.275), window: 200 * k, output: 100 * k }),
  openAiEmbedding('text-embedding-3-small', { price: price(0.02, 0), window: 8_191 }),
  openAiEmbedding('text-embedding-3-large', { price: price(0.13, 0), window: 8_191 }),

  // Half its price until the end of 2026.
  gemini('gemini-3.8-flash', {
    price: price(0.75, 3.75, 0.075),
    window: binaryMega,
    output: 65_536,
    asOf: '2026-10-07',
  }),
  gemini('gemini-3-pro-preview', { price: price(2, 12, 0.2), window: binaryMega, output: 65_536 }),
  gemini('gemini-3-flash-preview', { price: price(0.5, 3, 0.05), window: binaryMega, output: 65_536 }),
  gemini('gemini-2.5-pro', {
    price: price(1.25, 10, 0.125),
    window: binaryMega,
    output: 65_536,
  }),
  gemini('gemini-2.5-flash', {
    price: price(0.3, 2.5, 0.03),
    window: binaryMega,
    output: 65_536,
  }),
  gemini('gemini-2.5-flash-lite', { price: price(0.1, 0.4, 0.01), window: binaryMega, output: 65_536 }),
  olderGemini('gemini-2.0-flash', { price: price(0.1, 0.4, 0.025), window: binaryMega, output: 8_192 }),
  olderGemini('gemini-2.0-flash-lite', { price: price(0.075, 0.3), window: binaryMega, output: 8_192 }),

  groq('groq/llama-3.3-70b-versatile', { price: price(0.59, 0.79), window: 131_072, output: 32_768 }),
  groq('groq/llama-3.1-8b-instant', { price: price(0.05, 0.08), window: 131_072, output: 131_072 }),
  deepseek('deepseek-chat', { price: price(0.28, 0.42, 0.028), window: 128 * k, output: 8 * k }),
  deepseek('deepseek-reasoner', { price: price(0.28, 0.42, 0.028), window: 128 * k, output: 64 * k }),
  mistral('mistral-large-latest', { price: price(0.5, 1.5) }),
  mistral('mistral-small-latest', { price: price(0.1, 0.3) }),
  grok('grok-4', { price: price(3, 15, 0.75), window: 256 * k }),
  grok('grok-3', { price: price(3, 15, 0.75), window: 131_072 }),
  grok('grok-3-mini', { price: price(0.3, 0.5, 0.075), window: 131_072 }),
  minimax('minimax-m2.5', { price: price(0.3, 1.2) }),
  minimax('minimax-m2.7', { price: price(0.3, 1.2) }),
  cohere('command-a', { price: price(2.5, 10), window: 256 * k, output: 8 * k, aliases: ['command-a-03-2025'] }),
  perplexity('sonar-pro', { price: price(3, 15), window: 200 * k }),
  perplexity('sonar', { price: price(1, 1), window: 128 * k }),
  qwen('qwen3-max', { price: price(1.2, 6), window: 262_144 }),
  qwen('qwen3.5-plus', { price: price(0.4, 2.4) }),
  glm('glm-5', { price: price(1, 3.2), window: 200 * k, output: 128 * k }),
  glm('glm-4.7', { price: price(0.6, 2.2), window: 200 * k, output: 128 * k }),
  kimi('kimi-k2.5', { price: price(0.6, 3), window: 262_144, aliases: ['moonshotai/kimi-k2.5'] }),
]
