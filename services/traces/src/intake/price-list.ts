/**
 * Public list prices in US dollars per million tokens, as of March 2026, by `provider/model` or by model.
 *
 * A third price is that of input read from a cache; without one such input costs what other input does, an upper bound.
 * Not listed: models whose price depends on a plan, and media models, which are not paid by the token.
 */
import type { ModelPrice } from './config.ts'

const price = (input: number, output: number, cacheRead?: number): ModelPrice => ({
  input_per_million: input,
  output_per_million: output,
  ...(cacheRead === undefined ? {} : { cache_read_per_million: cacheRead }),
})

/** Anthropic reads its cache at a tenth of the input price and writes it (5 minutes) at five quarters. */
const anthropic = (input: number, output: number): ModelPrice => ({
  ...price(input, output, input / 10),
  cache_create_per_million: (input * 5) / 4,
})

export const listPrices: Readonly<Record<string, ModelPrice>> = {
  // Anthropic
  'claude-opus-4-6': anthropic(5, 25),
  'claude-opus-4-5': anthropic(5, 25),
  'claude-opus-4-5-20251101': anthropic(5, 25),
  'claude-opus-4-1': anthropic(15, 75),
  'claude-opus-4-1-20250805': anthropic(15, 75),
  'claude-opus-4-20250514': anthropic(15, 75),
  'claude-sonnet-4-6': anthropic(3, 15),
  'claude-sonnet-4-5': anthropic(3, 15),
  'claude-sonnet-4-5-20250929': anthropic(3, 15),
  'claude-sonnet-4-20250514': anthropic(3, 15),
  'claude-3-7-sonnet-20250219': anthropic(3, 15),
  'claude-haiku-4-5': anthropic(1, 5),
  'claude-haiku-4-5-20251001': anthropic(1, 5),
  'claude-3-5-haiku-20241022': anthropic(0.8, 4),
  'claude-3-haiku-20240307': anthropic(0.25, 1.25),

  // OpenAI
  'gpt-5.4': price(2.5, 15, 0.25),
  'gpt-5.4-mini': price(0.75, 4.5, 0.075),
  'gpt-5.3-codex': price(1.75, 14, 0.175),
  'gpt-5.2': price(1.75, 14, 0.175),
  'gpt-5.2-codex': price(1.75, 14, 0.175),
  'gpt-5.1': price(1.25, 10, 0.125),
  'gpt-5.1-codex': price(1.25, 10, 0.125),
  'gpt-5.1-codex-max': price(1.25, 10, 0.125),
  'gpt-5.1-codex-mini': price(0.25, 2, 0.025),
  'gpt-5': price(1.25, 10, 0.125),
  'gpt-5-codex': price(1.25, 10, 0.125),
  'gpt-5-mini': price(0.25, 2, 0.025),
  'gpt-5-nano': price(0.05, 0.4, 0.005),
  'gpt-4.1': price(2, 8, 0.5),
  'gpt-4.1-mini': price(0.4, 1.6, 0.1),
  'gpt-4.1-nano': price(0.1, 0.4, 0.025),
  'gpt-4o': price(2.5, 10, 1.25),
  'gpt-4o-mini': price(0.15, 0.6, 0.075),
  o1: price(15, 60, 7.5),
  o3: price(2, 8, 0.5),
  'o3-mini': price(1.1, 4.4, 0.55),
  'o4-mini': price(1.1, 4.4, 0.275),
  'text-embedding-3-small': price(0.02, 0),
  'text-embedding-3-large': price(0.13, 0),

  // Google
  'gemini-3-pro-preview': price(2, 12, 0.2),
  'gemini-3-flash-preview': price(0.5, 3, 0.05),
  'gemini-2.5-pro': price(1.25, 10, 0.125),
  'gemini-2.5-flash': price(0.3, 2.5, 0.03),
  'gemini-2.5-flash-lite': price(0.1, 0.4, 0.01),
  'gemini-2.0-flash': price(0.1, 0.4, 0.025),
  'gemini-2.0-flash-lite': price(0.075, 0.3),

  // Others, under the names their default models have
  'groq/llama-3.3-70b-versatile': price(0.59, 0.79),
  'groq/llama-3.1-8b-instant': price(0.05, 0.08),
  'deepseek-chat': price(0.28, 0.42, 0.028),
  'deepseek-reasoner': price(0.28, 0.42, 0.028),
  'mistral-large-latest': price(0.5, 1.5),
  'mistral-small-latest': price(0.1, 0.3),
  'grok-4': price(3, 15, 0.75),
  'grok-3': price(3, 15, 0.75),
  'grok-3-mini': price(0.3, 0.5, 0.075),
  'minimax-m2.5': price(0.3, 1.2),
  'minimax-m2.7': price(0.3, 1.2),
  'command-a': price(2.5, 10),
  'command-a-03-2025': price(2.5, 10),
  'sonar-pro': price(3, 15),
  sonar: price(1, 1),
  'qwen3-max': price(1.2, 6),
  'qwen3.5-plus': price(0.4, 2.4),
  'glm-5': price(1, 3.2),
  'glm-4.7': price(0.6, 2.2),
  'kimi-k2.5': price(0.6, 3),
  'moonshotai/kimi-k2.5': price(0.6, 3),

  // OpenRouter names a model by its maker, and passes its prices on
  'anthropic/claude-opus-4.5': anthropic(5, 25),
  'anthropic/claude-sonnet-4.5': anthropic(3, 15),
  'anthropic/claude-haiku-4.5': anthropic(1, 5),
  'openai/gpt-5.4': price(2.5, 15, 0.25),
  'openai/gpt-5.2': price(1.75, 14, 0.175),
  'openai/gpt-5-mini': price(0.25, 2, 0.025),
  'openai/gpt-4o': price(2.5, 10, 1.25),
  'openai/gpt-4o-mini': price(0.15, 0.6, 0.075),
  'google/gemini-2.5-pro': price(1.25, 10, 0.125),
  'google/gemini-2.5-flash': price(0.3, 2.5, 0.03),
}
