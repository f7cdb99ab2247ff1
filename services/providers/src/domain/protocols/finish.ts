/** Why a model stopped, in the mesh's words. */
import { UpstreamFailure } from './failure.ts'

/** A vendor's word, translated; `filtered` and `failed` answers are not answers. */
export type Finish = 'stop' | 'length' | 'tool_calls' | 'filtered' | 'failed'

/**
 * The finish_reason of an answer: length wins, then tool_calls exactly when there are calls.
 * @throws UpstreamFailure when the vendor withheld or lost the rest of the answer: a cut answer is never a success
 */
export const settleFinish = (finish: Finish, word: string, hasCalls: boolean): 'stop' | 'length' | 'tool_calls' => {
  if (finish === 'filtered') throw new UpstreamFailure('rejected', `answer withheld by the provider (${word})`)
  if (finish === 'failed') throw new UpstreamFailure('failed', `answer broken off by the provider (${word})`)
  if (finish === 'length') return 'length'
  return hasCalls ? 'tool_calls' : 'stop'
}
