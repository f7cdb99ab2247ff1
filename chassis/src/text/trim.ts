/** Trims of one character. A pattern such as `/-+$/` takes quadratic time on a text full of that character. */

/** The text without any `character` at its end. */
export const trimEndOf = (text: string, character: string): string => {
  let end = text.length
  while (end > 0 && text[end - 1] === character) end--
  return text.slice(0, end)
}

/** The text without any `character` at either end. */
export const trimOf = (text: string, character: string): string => {
  const kept = trimEndOf(text, character)
  let start = 0
  while (start < kept.length && kept[start] === character) start++
  return kept.slice(start)
}
