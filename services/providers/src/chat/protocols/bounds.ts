/** How much of an upstream's words is taken in: names, ids and reasons end up in rows, headers and log lines. */
import { sha256Hex } from '@clawmesh/chassis'

/** In characters, but for counts. */
export const bounds = {
  model: 200,
  finishReason: 100,
  toolCallId: 128,
  toolName: 128,
  /** Of an error body: its message, and each word that says what kind of error it is. */
  errorMessage: 2_000,
  errorWord: 100,
  /** Calls in one answer. */
  toolCalls: 128,
  /** Arguments of one call. */
  toolArguments: 4 * 1024 * 1024,
  /** Texts, numbers, objects and arrays in the arguments of all calls of one answer: each of them is looked at, more than once. */
  toolArgumentValues: 20_000,
  /** What an answer says, and what it thinks: each a few times as much as models can. */
  answerText: 4 * 1024 * 1024,
  /** Texts, numbers, objects and arrays in one JSON text. */
  values: 100_000,
  /** Blocks of one Anthropic message. */
  blocks: 1_000,
  /** Objects and arrays inside each other, in answers and in arguments. */
  nesting: 100,
  /** Models that a provider lists. */
  listedModels: 2_000,
} as const

/** The first `limit` characters of a text, no character halved and no half of one left. */
export const boundedText = (text: string, limit: number): string => {
  if (text.length <= limit) return text.toWellFormed()
  const last = text.charCodeAt(limit - 1)
  return text.slice(0, isHighSurrogate(last) ? limit - 1 : limit).toWellFormed()
}

/** Whether a UTF-16 unit is the first half of a character. */
export const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff

/** An id of a tool call; one that is too long becomes `call_` and its SHA-256, so that different ids stay different. */
export const boundedId = (id: string): string =>
  id.length <= bounds.toolCallId ? id.toWellFormed() : `call_${sha256Hex(id).slice(0, 35)}`

/** Joins the pieces of one text, so that no character is halved between two of them. */
export interface PieceJoiner {
  /** The piece, with what was held back before it and without a half character at its end. */
  take(piece: string): string
  /** What is still held back, once no more comes. */
  rest(): string
}

export const createPieceJoiner = (): PieceJoiner => {
  let held = ''
  return {
    take(piece) {
      const text = held + piece
      held = isHighSurrogate(text.charCodeAt(text.length - 1)) ? text.slice(-1) : ''
      return (held === '' ? text : text.slice(0, -1)).toWellFormed()
    },
    rest() {
      const rest = held.toWellFormed()
      held = ''
      return rest
    },
  }
}
