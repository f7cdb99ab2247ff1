import { z } from 'zod'
import { defineHttpTable } from '../operation.ts'
import { graphRules } from './knowledge-graph.ts'
import { agentParams, documentLimitBytes, owner, ownerQuery, ownerRules } from './shared.ts'

export const kgExtract = defineHttpTable('memory', {
  extractKg: {
    method: 'POST',
    path: '/v1/agents/{agentID}/kg/extract',
    role: 'operator',
    summary: 'Extract entities and relations from a text with a model, and store them',
    rules: {
      ...ownerRules,
      ...graphRules,
      requiresTextProviderAndModel: 'A request without `text`, `provider` or `model`, or with an empty one, is refused',
      namesTheProvider: '`provider` is the name of a provider; one that the tenant cannot use is answered 400',
      asksOnceAPiece: 'The model is asked once for each 12000 characters, cut at a blank line where there is one',
      skipsFailedPieces: 'A piece whose answer cannot be read is left out while others can be read',
      mergesPieces: 'What several pieces name is stored once, with the higher confidence',
      repairsAnswers:
        'Code fences, commas at the end and spaces inside of numbers are forgiven; ids, types and relations are taken in lower case',
      asksAgainWhenCut: 'A cut answer is asked for once more, with the beginning of the text alone',
      dropsTheUnsure: 'What the model is less sure of than `min_confidence` is dropped; zero, less or none is 0.75',
      countsWhatWasFound:
        'The answer counts entities and relations that were sure enough, also relations of entities that are not among them, which are not stored',
      storesAllOrNothing: 'All is stored in one transaction; what exists by its external id is updated',
      foldsDuplicates:
        'A touched entity that is nearly the same as another of its type and owner, in name and meaning, is merged with it; the surer one stays. One that is only alike becomes a candidate',
      answersFailures500:
        'A model that fails, or answers nothing readable for any piece, is answered 500 with the reason',
    },
    params: agentParams,
    query: ownerQuery,
    body: z.object({
      text: z.string().min(1).max(documentLimitBytes),
      provider: z.string().min(1).max(255),
      model: z.string().min(1).max(255),
      min_confidence: z.number().max(1).optional(),
      ...owner,
    }),
    bodyLimitBytes: documentLimitBytes,
    response: {
      200: z.object({
        entities: z.number().int(),
        relations: z.number().int(),
        dedup_merged: z.number().int(),
        dedup_flagged: z.number().int(),
      }),
    },
    errors: [400, 404],
  },
})
