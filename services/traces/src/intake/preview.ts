/** Cuts what was said or answered down to what is worth keeping: the beginning and, more than the middle, the end. */
import { cutText as chassisCut, cutTextStart, jsonExcess, maxJsonDepth } from '@clawmesh/chassis'

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

const cutText = (text: string, characters: number, limit: number, leftOut: number): string => {
  // The marker for all of them is at least as long as the one for those that are left out.
  const kept = limit - textMarker(characters + leftOut).length
  if (kept <= 0) return text.slice(0, advance(text, 0, limit))
  const head = Math.ceil((kept * 2) / 3)
  return (
    text.slice(0, advance(text, 0, head)) +
    textMarker(characters + leftOut - kept) +
    text.slice(advance(text, 0, characters - (kept - head)))
  )
}

const arrayMarker = (omitted: number) => ({ __truncated__: `${omitted} elements omitted` })

/** An array of more values is cut as a text is: each element would be written again. */
const arrayLimits = { depth: maxJsonDepth, values: 20_000 }

const parseArray = (text: string): unknown[] | undefined => {
  if (!text.startsWith('[') || jsonExcess(text, arrayLimits) !== undefined) return undefined
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
 * @param leftOut characters that are missing in its middle already
 */
export const cutPreview = (text: string, limit: number, leftOut = 0): string => {
  if (leftOut === 0 && text.length <= limit) return text
  const characters = countCharacters(text)
  if (leftOut === 0 && characters <= limit) return text
  return (leftOut === 0 ? cutArray(text, limit) : undefined) ?? cutText(text, characters, limit, leftOut)
}

/** Of a text that is longer only so much of its ends is looked at, much more than is kept: what is replaced in it becomes shorter. */
export const scannedOf = (limit: number): number => 12 * limit

/** The ends of a text, of which a preview of `limit` characters is made, and how many characters lie between them. */
export const previewEnds = (text: string, limit: number): { ends: string; leftOut: number } => {
  const scanned = scannedOf(limit)
  if (text.length <= scanned) return { ends: text, leftOut: 0 }
  const [head, tail] = [Math.ceil((scanned * 2) / 3), Math.floor(scanned / 3)]
  const ends = [chassisCut(text, head), cutTextStart(text, tail)] as const
  const leftOut = countCharacters(text.slice(ends[0].length, text.length - ends[1].length))
  return { ends: `${ends[0]}\n${ends[1]}`, leftOut }
}
