/** Long texts are read in pieces. */

export const pieceChars = 12_000

/** The first so many characters of a text at most, without half of a surrogate pair at the end. */
export const beginningOf = (text: string, chars: number): string => {
  const isInsidePair = text.length > chars && text.codePointAt(chars - 1)! > 0xffff
  return text.slice(0, isInsidePair ? chars - 1 : chars)
}

/** Pieces of at most 12000 characters, cut at the last blank line in their second half where there is one. */
export const piecesOf = (text: string): string[] => {
  const pieces: string[] = []
  let rest = text
  while (rest.length > pieceChars) {
    const window = beginningOf(rest, pieceChars)
    const blank = window.lastIndexOf('\n\n')
    const end = blank >= pieceChars / 2 ? blank : window.length
    pieces.push(rest.slice(0, end))
    rest = rest.slice(end)
  }
  return [...pieces, rest].map((piece) => piece.trim()).filter((piece) => piece !== '')
}
