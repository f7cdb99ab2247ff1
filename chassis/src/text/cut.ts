/** Cuts of texts at a character. A pair of surrogates is one character: half of it is no text that JSON or UTF-8 can hold. */

const isHigh = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff
const isLow = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff

/** Whether a cut before `place` would halve a character. */
const halves = (text: string, place: number): boolean =>
  place > 0 && place < text.length && isHigh(text.charCodeAt(place - 1)) && isLow(text.charCodeAt(place))

/** The first `maxChars` UTF-16 units of a text, one less where they would end in half a character. */
export const cutText = (text: string, maxChars: number): string => {
  if (text.length <= maxChars) return text
  const end = Math.max(0, maxChars)
  return text.slice(0, halves(text, end) ? end - 1 : end)
}

/** The last `maxChars` UTF-16 units of a text, one less where they would begin with half a character. */
export const cutTextStart = (text: string, maxChars: number): string => {
  if (text.length <= maxChars) return text
  const start = text.length - Math.max(0, maxChars)
  return text.slice(halves(text, start) ? start + 1 : start)
}
