/** The texts of an answer as they come in pieces: each piece is shown at once, and all of them are the answer. */
import { bounds, createPieceJoiner } from './bounds.ts'
import { UpstreamFailure } from './failure.ts'
import { textDelta, thinkingDelta, type Emit } from './protocol.ts'

/** @throws UpstreamFailure for a text that is longer than any model's answer */
export const checkTextLength = (text: string): void => {
  if (text.length > bounds.answerText)
    throw new UpstreamFailure('failed', `answer longer than ${bounds.answerText} characters`)
}

const createText = (show: (piece: string) => void) => {
  const joiner = createPieceJoiner()
  let whole = ''
  const add = (piece: string): void => {
    if (piece === '') return
    whole += piece
    checkTextLength(whole)
    show(piece)
  }
  return {
    take: (piece: string): void => add(joiner.take(piece)),
    /** The whole of it; a half character at the very end is shown as what stands for one. */
    end: (): string => {
      add(joiner.rest())
      return whole
    },
  }
}

export const createAnswerTexts = (emit: Emit) => ({
  content: createText((piece) => emit(textDelta(piece))),
  thinking: createText((piece) => emit(thinkingDelta(piece))),
})
