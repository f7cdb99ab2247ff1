/** Asks a model what a text names. */
import { MeshError, toMeshError } from '@clawmesh/contracts'
import type {
  ChatDone,
  ChatRequest,
  ChatResponse,
  Spender,
} from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { cutText, throwIfGone, type Call, type Logger } from '@clawmesh/chassis'
import type { Extracted } from '../types.ts'
import { mergeExtractions, parseExtraction } from './parse.ts'
import { piecesOf } from './pieces.ts'
import { extractionPrompt, truncationMark } from './prompt.ts'

export type Chat = (call: Call, request: ChatRequest) => AsyncIterable<ChatResponse>

export interface Model {
  /** Name of a provider of the tenant. */
  provider: string
  model: string
  /** For whom it is asked, where usage is capped by it. */
  spender?: Spender
}

const mostTokens = 8_192
/** A text whose answer was cut is asked about again with so much of it. */
const shortenedChars = 8_000
const longestReason = 300

/** Errors that are about the provider as the request names it. */
const isAboutChoice = ({ code }: MeshError): boolean => code === 'FAILED_PRECONDITION' || code === 'NOT_FOUND'

export const createExtractor = (chat: Chat, log: Logger) => {
  const ask = async (call: Call, { provider, model, spender }: Model, text: string): Promise<ChatDone> => {
    const messages = [
      { role: 'system', content: extractionPrompt },
      { role: 'user', content: text },
    ].map((message) => ({
      ...message,
      images: [],
      toolCalls: [],
      toolCallId: '',
      isError: false,
      thinking: '',
      providerState: '',
      parts: [],
    }))
    const options = { maxTokens: mostTokens, temperature: 0.2, reasoningEffort: '' }
    let done: ChatDone | undefined
    for await (const { event } of chat(call, {
      provider,
      model,
      messages,
      tools: [],
      options,
      sampling: undefined,
      stream: false,
      spender,
    }))
      if (event?.$case === 'done') done = event.value
    if (done === undefined) throw new MeshError('UNAVAILABLE', 'error.stream_cut', { provider })
    return done
  }

  /** @throws Error when the model fails, or its answer cannot be read */
  const extractPiece = async (call: Call, model: Model, text: string): Promise<Extracted> => {
    let done = await ask(call, model, text)
    if (done.finishReason === 'length') done = await ask(call, model, cutText(text, shortenedChars) + truncationMark)
    if (done.finishReason === 'length') throw new Error('the answer of the model is longer than it may be')
    return parseExtraction(done.content)
  }

  /**
   * What a text names, in the order in which it does. Pieces that fail are left out.
   * @throws INVALID_REQUEST when the tenant cannot use the provider, INTERNAL with the reason when every piece fails
   */
  return async (call: Call, model: Model, text: string): Promise<Extracted> => {
    const found: Extracted[] = []
    let failure: unknown
    for (const piece of piecesOf(text)) {
      try {
        found.push(await extractPiece(call, model, piece))
      } catch (thrown) {
        throwIfGone(call.signal)
        if (thrown instanceof MeshError && isAboutChoice(thrown))
          throw new MeshError(
            'INVALID_REQUEST',
            'error.invalid_request',
            { field: 'provider', reason: `${model.provider}, ${model.model}` },
            { cause: thrown },
          )
        failure = thrown
        log.warn({ err: thrown, tenantId: call.caller.tenantId }, 'a piece of a text could not be extracted')
      }
    }
    if (found.length === 0 && failure !== undefined) {
      const reason = failure instanceof Error ? failure.message : toMeshError(failure).message
      throw new MeshError(
        'INTERNAL',
        'error.extraction_failed',
        { reason: cutText(reason, longestReason) },
        { cause: failure },
      )
    }
    return mergeExtractions(found)
  }
}

export type Extractor = ReturnType<typeof createExtractor>
