/** Whole answers of Gemini's own wire. Source: Gemini API reference, "GenerateContentResponse". */
import type { Usage } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { Target } from '../../../providers/connection.ts'
import { boundedText, bounds } from '../bounds.ts'
import { cutOff, UpstreamFailure } from '../failure.ts'
import { settleFinish } from '../finish.ts'
import { countOf, listOf, objectOf, textOf, type Json } from '../json.ts'
import { textDelta, type ChatCall, type Decoder, type Emit } from '../protocol.ts'

/** The parts of the first candidate. @throws UpstreamFailure where the prompt was refused, or there is none */
export const geminiParts = (body: Json): { parts: Json[]; finish: string } => {
  const blocked = textOf(objectOf(body['promptFeedback'])?.['blockReason'])
  if (blocked !== '') throw new UpstreamFailure('rejected', `withheld by the provider (${blocked.slice(0, 100)})`)
  const candidate = objectOf(listOf(body['candidates'])[0])
  if (candidate === undefined) throw new UpstreamFailure('failed', 'answer without a candidate')
  return {
    parts: listOf(objectOf(candidate['content'])?.['parts']).flatMap((part): Json[] => {
      const fields = objectOf(part)
      return fields === undefined ? [] : [fields]
    }),
    finish: boundedText(textOf(candidate['finishReason']), bounds.finishReason),
  }
}

const usageOf = (body: Json): Usage | undefined => {
  const usage = objectOf(body['usageMetadata'])
  if (usage === undefined) return undefined
  const thinkingTokens = countOf(usage['thoughtsTokenCount'])
  return {
    inputTokens: countOf(usage['promptTokenCount']),
    outputTokens: countOf(usage['candidatesTokenCount']) + thinkingTokens,
    cacheReadTokens: countOf(usage['cachedContentTokenCount']),
    cacheCreationTokens: 0,
    thinkingTokens,
  }
}

export const createGeminiDecoder = (_target: Target, _call: ChatCall, emit: Emit): Decoder => {
  let body: Json | undefined
  return {
    event: () => {
      throw new UpstreamFailure('failed', 'a stream where a whole answer was asked for')
    },
    whole: (answered) => {
      body = answered
    },
    answer: () => {
      if (body === undefined) throw cutOff('no answer')
      const { parts, finish } = geminiParts(body)
      const textsOf = (isThought: boolean) =>
        parts
          .filter(({ thought }) => (thought === true) === isThought)
          .map(({ text }) => textOf(text).toWellFormed())
          .join('')
      const content = textsOf(false)
      if (content !== '') emit(textDelta(content))
      return {
        content,
        thinking: textsOf(true),
        toolCalls: [],
        finishReason: settleFinish(finish || 'STOP', false),
        usage: usageOf(body),
        model: boundedText(textOf(body['modelVersion']), bounds.model),
        providerState: '',
      }
    },
  }
}
