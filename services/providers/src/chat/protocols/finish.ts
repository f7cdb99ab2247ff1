/** Why a model stopped, in the mesh's words. */
import { UpstreamFailure } from './failure.ts'

/** A vendor's word, translated; `filtered` and `failed` answers are not answers. */
export type Finish = 'stop' | 'length' | 'tool_calls' | 'filtered' | 'failed'

const wordsOf: Record<Finish, string> = {
  stop: 'stop stopped stop_sequence end_turn eos eos_token end_of_turn complete completed done finished',
  length:
    'length max_tokens max_output_tokens max_length model_length token_limit model_context_window_exceeded ' +
    'context_length_exceeded maxcontextlength max_turn_requests',
  tool_calls: 'tool_calls tool_call tool_use function_call function_calls',
  filtered:
    'content_filter content_filtered content-filter sensitive refusal safety recitation language blocklist ' +
    'prohibited_content spii image_safety image_prohibited_content image_recitation guardrail_intervened',
  failed:
    'error network_error insufficient_system_resource malformed_function_call malformed_response ' +
    'unexpected_tool_call too_many_tool_calls missing_thought_signature other no_image image_other ' +
    'finish_reason_unspecified abort aborted cancelled canceled timeout pause_turn',
}

const finishes = new Map(
  Object.entries(wordsOf).flatMap(([finish, words]) => words.split(' ').map((word) => [word, finish as Finish])),
)

/**
 * What a vendor's finish reason means. Gemini's come in capitals, and behind an OpenAI surface also as
 * `function_call_filter: MALFORMED_FUNCTION_CALL`. Undefined for a word that nobody has described: what it does not say
 * cannot be taken for a success.
 */
export const finishOf = (word: string): Finish | undefined => {
  const plain = word.trim().toLowerCase()
  return finishes.get(plain) ?? finishes.get(plain.slice(plain.lastIndexOf(':') + 1).trim())
}

/**
 * The finish_reason of an answer: length wins, then tool_calls exactly when there are calls. `word` is the vendor's.
 * @throws UpstreamFailure when the vendor withheld or lost the rest of the answer: a cut answer is never a success
 */
export const settleFinish = (word: string, hasCalls: boolean): 'stop' | 'length' | 'tool_calls' => {
  const finish = finishOf(word)
  if (finish === undefined) throw new UpstreamFailure('failed', `answer ended for a reason that is not known (${word})`)
  if (finish === 'filtered') throw new UpstreamFailure('rejected', `answer withheld by the provider (${word})`)
  if (finish === 'failed')
    throw new UpstreamFailure('failed', `answer broken off by the provider (${word})`, { retryable: true })
  if (finish === 'length') return 'length'
  return hasCalls ? 'tool_calls' : 'stop'
}
