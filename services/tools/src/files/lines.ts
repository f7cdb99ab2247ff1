/** Cutting a span of lines out of a text of any length. */
import { cutText } from '@clawmesh/chassis'

export interface LineSpan {
  /** First line, 0-based. */
  offset: number
  /** Most lines. */
  limit?: number | undefined
  /** Most UTF-16 units. */
  maxChars: number
}

export interface CutText {
  text: string
  /** Lines in `text`. */
  lines: number
  /** Where to go on; undefined at the end. */
  nextOffset: number | undefined
  /** Whether a single line was too long and lost its end. */
  lineCut: boolean
  /** Lines seen before the cut; all of them when `nextOffset` is undefined. */
  seen: number
}

/** Reads no further than the span; a line longer than `maxChars` is kept up to there. */
export const cutLines = async (
  chunks: AsyncIterable<string> | Iterable<string>,
  { offset, limit = Number.POSITIVE_INFINITY, maxChars }: LineSpan,
): Promise<CutText> => {
  const taken: string[] = []
  let chars = 0
  let seen = 0
  let lineCut = false
  let partial = ''

  /** False when the line no longer fits. */
  const take = (line: string): boolean => {
    if (seen >= offset) {
      const fits = chars + line.length <= maxChars
      if (taken.length >= limit || (!fits && taken.length > 0)) return false
      taken.push(fits ? line : cutText(line, maxChars))
      lineCut ||= !fits
      chars += line.length + 1
    }
    seen++
    return true
  }
  const cut = (nextOffset: number | undefined): CutText => ({
    text: taken.join('\n'),
    lines: taken.length,
    nextOffset,
    lineCut,
    seen,
  })

  for await (const chunk of chunks) {
    const lines = (partial + chunk).split('\n')
    partial = (lines.pop() ?? '').slice(0, maxChars + 1)
    for (const line of lines) if (!take(line)) return cut(seen)
  }
  if (partial !== '' && !take(partial)) return cut(seen)
  return cut(undefined)
}
