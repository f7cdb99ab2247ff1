/** Long texts are read in pieces. */
import { cutText } from '@clawmesh/chassis'

export const pieceChars = 12_000

/** Pieces of at most 12000 characters, cut at the last blank line in their second half where there is one. */
export const piecesOf = (text: string): string[] => {
  const pieces: string[] = []
  let rest = text
  while (rest.length > pieceChars) {
    const window = cutText(rest, pieceChars)
    const blank = window.lastIndexOf('\n\n')
    const end = blank >= pieceChars / 2 ? blank : window.length
    pieces.push(rest.slice(0, end))
    rest = rest.slice(end)
  }
  return [...pieces, rest].map((piece) => piece.trim()).filter((piece) => piece !== '')
}
