/** What lists of models show of those that the catalogue knows. */
import { z } from 'zod'
import { modelAbilities } from './catalogue.ts'
import { knownModel } from './names.ts'

export const modelFacts = {
  context_window: z.number().int().optional().describe('Tokens of a prompt and its answer together, where known'),
  max_output_tokens: z.number().int().optional().describe('Most tokens of an answer, where known'),
  abilities: z.array(z.enum(modelAbilities)).optional().describe('What it takes in beside text, and what it can do'),
}

/** @param provider its name or type, empty for anybody's */
export const factsOf = (provider: string, model: string) => {
  const known = knownModel(provider, model)
  return {
    contextWindow: known?.contextWindow ?? undefined,
    maxOutputTokens: known?.maxOutputTokens ?? undefined,
    abilities: known === undefined ? undefined : [...known.abilities],
  }
}
