/** Cuts a document into chunks along its lines, at blank lines where that leaves no small ones. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ChunkText } from './types.ts'

/** However short its chunks are to be, a document has about so many at most: long ones get longer chunks. */
const mostChunks = 20_000
/** A document is cut in steps of about so many characters, so that others get their turn in between. */
const stepChars = 65_536

export interface ChunkSizes {
  /** A chunk is closed when it is this long, in UTF-16 units. */
  maxLength: number
  /** At most so much of the end of a chunk is repeated at the start of the next one. */
  overlap: number
}

/** No line longer than this stays whole: embedding models take about 8000 tokens. */
export const longestWholeLine = ({ maxLength }: ChunkSizes): number => Math.max(4_000, maxLength)

const isBlank = (line: string): boolean => line.trim() === ''

/** The trailing lines that fit into the overlap, but never all of them. */
const tailOf = (lines: readonly string[], overlap: number): string[] => {
  let length = 0
  let from = lines.length
  while (from > 1 && length + lines[from - 1]!.length + 1 <= overlap) length += lines[--from]!.length + 1
  return lines.slice(from)
}

/** Pieces of an overlong line; none of them cuts a surrogate pair. */
const cutLine = (line: string, longest: number): string[] => {
  const pieces: string[] = []
  for (let from = 0; from < line.length;) {
    let to = Math.min(from + longest, line.length)
    if (to < line.length && line.codePointAt(to - 1)! > 0xffff) to--
    pieces.push(line.slice(from, to))
    from = to
  }
  return pieces
}

/**
 * Chunks of a text, in order. A blank line closes a chunk of at least half the maximum, any line closes one that has
 * reached it. The next chunk begins with the last whole lines of the one before, as far as the overlap goes (at most half
 * the maximum). Lines are 1-based, texts are trimmed, and no chunk consists of repeated or blank lines alone. A line of
 * more than `longestWholeLine` is cut into chunks of its own.
 */
function* chunkSteps(content: string, wanted: ChunkSizes): Generator<void, ChunkText[], void> {
  // A chunk that is closed at a blank line is half as long.
  const sizes = { ...wanted, maxLength: Math.max(wanted.maxLength, Math.ceil((2 * content.length) / mostChunks)) }
  const overlap = Math.min(sizes.overlap, Math.floor(sizes.maxLength / 2))
  const longest = longestWholeLine(sizes)
  const chunks: ChunkText[] = []
  let buffer: string[] = []
  let startLine = 1
  let length = 0
  let hasNewText = false

  const restart = (lines: string[], nextLine: number) => {
    buffer = lines
    startLine = nextLine - lines.length
    length = lines.reduce((sum, line) => sum + line.length + 1, 0)
    hasNewText = false
  }
  const close = (endLine: number) => {
    if (!hasNewText) {
      if (length >= sizes.maxLength) restart([], endLine + 1)
      return
    }
    chunks.push({ startLine, endLine, part: 0, text: buffer.join('\n').trim() })
    restart(tailOf(buffer, overlap), endLine + 1)
  }

  const takeLine = (line: string, lineNumber: number): void => {
    if (line.length > longest) {
      close(lineNumber - 1)
      for (const [part, text] of cutLine(line, longest).entries())
        if (!isBlank(text)) chunks.push({ startLine: lineNumber, endLine: lineNumber, part, text: text.trim() })
      restart([], lineNumber + 1)
      return
    }
    const blank = isBlank(line)
    if (blank && length >= sizes.maxLength / 2) close(lineNumber - 1)
    buffer.push(line)
    length += line.length + 1
    hasNewText ||= !blank
    if (length >= sizes.maxLength) close(lineNumber)
  }

  let lineNumber = 0
  let stepEnd = stepChars
  for (let from = 0; from <= content.length;) {
    const found = content.indexOf('\n', from)
    const to = found < 0 ? content.length : found
    takeLine(content.slice(from, to), ++lineNumber)
    from = to + 1
    if (from < stepEnd) continue
    stepEnd = from + stepChars
    yield
  }
  close(lineNumber)
  return chunks
}

/** `chunkInSteps` at once; for short texts. */
export const chunk = (content: string, sizes: ChunkSizes): ChunkText[] => {
  const steps = chunkSteps(content, sizes)
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

/** The chunks of a text as `chunkSteps` says, other work of the process let in between. */
export const chunkInSteps = async (content: string, sizes: ChunkSizes): Promise<ChunkText[]> => {
  const steps = chunkSteps(content, sizes)
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
    await nextTurn()
  }
}
