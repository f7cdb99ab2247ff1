/** Cuts what was said or answered down to what is worth keeping: the beginning and, more than the middle, the end. */

/** Code units from `from` that hold `count` characters, forwards or backwards, never half a surrogate pair. */
const advance = (text: string, from: number, count: number): number => {
  let at = from
  for (let left = count; left > 0 && at < text.length; left -= 1) at += text.codePointAt(at)! > 0xffff ? 2 : 1
  return at
}

const countCharacters = (text: string): number => {
  let count = 0
  for (let at = 0; at < text.length; count += 1) at += text.codePointAt(at)! > 0xffff ? 2 : 1
  return count
}

const textMarker = (omitted: number): string => `\n... [${omitted} characters omitted] ...\n`

const cutText = (text: string, characters: number, limit: number): string => {
  // The marker for all of them is at least as long as the one for those that are left out.
  const kept = limit - textMarker(characters).length
  if (kept <= 0) return text.slice(0, advance(text, 0, limit))
  const head = Math.ceil((kept * 2) / 3)
  return (
    text.slice(0, advance(text, 0, head)) +
    textMarker(characters - kept) +
    text.slice(advance(text, 0, characters - (kept - head)))
  )
}

const arrayMarker = (omitted: number) => ({ __truncated__: `${omitted} elements omitted` })

const parseArray = (text: string): unknown[] | undefined => {
  if (!text.startsWith('[')) return undefined
  try {
    const parsed: unknown = JSON.parse(text)
    return Array.isArray(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}

/** How many elements fit in a number of characters, their commas included. */
const countFitting = (elements: readonly string[], characters: number): number => {
  let left = characters
  const tooMany = elements.findIndex((element) => (left -= element.length + 1) < 0)
  return tooMany === -1 ? elements.length : tooMany
}

/** A JSON array without its middle elements, still JSON; undefined when not even an element at its ends fits. */
const cutArray = (text: string, limit: number): string | undefined => {
  const elements = parseArray(text)?.map((element) => JSON.stringify(element))
  if (elements === undefined) return undefined
  const budget = limit - JSON.stringify([arrayMarker(elements.length)]).length
  const head = countFitting(elements, Math.ceil((budget * 2) / 3))
  const tail = countFitting(elements.slice(head).reverse(), Math.floor(budget / 3))
  const omitted = elements.length - head - tail
  if (head + tail === 0 || omitted === 0) return undefined
  return `[${[
    ...elements.slice(0, head),
    JSON.stringify(arrayMarker(omitted)),
    ...elements.slice(elements.length - tail),
  ].join(',')}]`
}

/**
 * A text of at most `limit` characters (code points). A longer one keeps two thirds of it from its head and a third
 * from its tail, around a marker with the number left out; a JSON array loses whole elements from its middle where it can.
 */
export const cutPreview = (text: string, limit: number): string => {
  if (text.length <= limit) return text
  const characters = countCharacters(text)
  return characters <= limit ? text : (cutArray(text, limit) ?? cutText(text, characters, limit))
}
