/** HTML as a flat list of tokens, in one pass and in time linear in its length whatever the page does. */
import { decodeHTML, decodeHTMLAttribute } from 'entities'

export type HtmlToken =
  | { type: 'text'; text: string }
  /** `attributes` decodes them, names in lower case; of an absurdly long tag there are none. */
  | { type: 'open'; name: string; attributes: () => ReadonlyMap<string, string> }
  | { type: 'close'; name: string }

/** Elements whose content is no text. */
const skipped = new Set('title script style noscript template svg math iframe object canvas textarea select'.split(' '))
const tagName = /^\/?([a-z][a-z0-9-]{0,30})/
const longestAttributesChars = 16_384
const blank = /\s/

/** Character references as characters, those without a semicolon that browsers know too; unknown ones stay. */
export const decodeEntities = decodeHTML

/** The attributes in what stands between a tag's name and its end. */
const readAttributes = (source: string): Map<string, string> => {
  const attributes = new Map<string, string>()
  let place = 0
  const skip = (isSkipped: (character: string) => boolean): number => {
    while (place < source.length && isSkipped(source[place]!)) place++
    return place
  }
  while (place < source.length) {
    const start = skip((character) => character === '/' || blank.test(character))
    const name = source.slice(
      start,
      skip((character) => character !== '=' && character !== '/' && !blank.test(character)),
    )
    skip((character) => blank.test(character))
    let value = ''
    if (source[place] === '=') {
      place++
      const valueStart = skip((character) => blank.test(character))
      const quote = source[valueStart]
      if (quote === '"' || quote === "'") {
        const end = source.indexOf(quote, valueStart + 1)
        value = source.slice(valueStart + 1, end < 0 ? source.length : end)
        place = end < 0 ? source.length : end + 1
      } else
        value = source.slice(
          valueStart,
          skip((character) => !blank.test(character)),
        )
    }
    if (name !== '' && !attributes.has(name.toLowerCase()))
      attributes.set(name.toLowerCase(), decodeHTMLAttribute(value))
  }
  return attributes
}

/** The place of each tag's end; a `>` inside a quoted attribute is none. */
const createTagEnds = (html: string) => {
  const none: Record<string, boolean> = {}
  /** Asked once for a quote that never comes again, however many tags open one. */
  const endOfQuote = (quote: string, from: number): number => {
    if (none[quote]) return -1
    const end = html.indexOf(quote, from)
    none[quote] = end < 0
    return end
  }
  return (from: number): number => {
    let isValue = false
    for (let place = from; place < html.length; place++) {
      const character = html[place]!
      if (character === '>') return place
      if (isValue && (character === '"' || character === "'")) {
        const end = endOfQuote(character, place + 1)
        if (end >= 0) place = end
      }
      isValue = character === '=' || (isValue && blank.test(character))
    }
    return -1
  }
}

/** The tokens of a page. Comments and elements that hold no text are left out; a tag that never ends ends the page. */
export function* htmlTokens(html: string): Generator<HtmlToken, void, void> {
  const lower = html.toLowerCase()
  const tagEnd = createTagEnds(html)
  /** Elements that are not closed any more. */
  const unclosed = new Set<string>()
  const text = (from: number, to: number): HtmlToken => ({ type: 'text', text: decodeEntities(html.slice(from, to)) })

  for (let place = 0; place < html.length;) {
    const open = html.indexOf('<', place)
    if (open !== place) yield text(place, open < 0 ? html.length : open)
    if (open < 0) return
    if (html.startsWith('<!--', open)) {
      const end = html.indexOf('-->', open + 4)
      if (end < 0) return
      place = end + 3
      continue
    }
    const name = tagName.exec(lower.slice(open + 1, open + 33))?.[1]
    if (name === undefined && !['!', '?', '/'].includes(html[open + 1] ?? '')) {
      yield { type: 'text', text: '<' }
      place = open + 1
      continue
    }
    const end = tagEnd(open + 1)
    if (end < 0) return
    place = end + 1
    if (name === undefined) continue
    if (html[open + 1] === '/') {
      yield { type: 'close', name }
      continue
    }
    const source = html.slice(open + 1 + name.length, end)
    if (skipped.has(name)) {
      if (source.endsWith('/') && ['svg', 'math'].includes(name)) continue
      const close = unclosed.has(name) ? -1 : lower.indexOf(`</${name}`, place)
      if (close < 0) unclosed.add(name)
      place = close < 0 ? html.length : close
      continue
    }
    yield {
      type: 'open',
      name,
      attributes: () => readAttributes(source.length > longestAttributesChars ? '' : source),
    }
  }
}

/** The title of a page; empty when it has none near its beginning. */
export const htmlTitle = (html: string): string => {
  const found = /<title[^<>]{0,200}>([^<]{0,500})/i.exec(html.slice(0, 65_536))
  return decodeEntities(found?.[1] ?? '')
    .replace(/\s+/g, ' ')
    .trim()
}
