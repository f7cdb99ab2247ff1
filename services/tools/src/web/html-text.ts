/** HTML to plain text in one pass, in time linear in its length whatever the page does. */

/** Elements whose content is no text. */
const skipped = new Set([
  'title',
  'script',
  'style',
  'noscript',
  'template',
  'svg',
  'head',
  'iframe',
  'object',
  'textarea',
  'select',
])
const blocks = new Set(
  (
    'address article aside blockquote body dd details dialog div dl dt fieldset figcaption figure footer form h1 h2 h3 ' +
    'h4 h5 h6 header hr html li main nav ol p pre section summary table tbody tfoot thead tr ul'
  ).split(' '),
)
const cells = new Set(['td', 'th'])

const named: Record<string, string> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  copy: '©',
  reg: '®',
  trade: '™',
  hellip: '…',
  mdash: '—',
  ndash: '–',
  lsquo: '‘',
  rsquo: '’',
  ldquo: '“',
  rdquo: '”',
  laquo: '«',
  raquo: '»',
  bull: '•',
  middot: '·',
  deg: '°',
  times: '×',
  euro: '€',
  pound: '£',
  yen: '¥',
  cent: '¢',
  sect: '§',
  para: '¶',
  larr: '←',
  rarr: '→',
  auml: 'ä',
  ouml: 'ö',
  uuml: 'ü',
  Auml: 'Ä',
  Ouml: 'Ö',
  Uuml: 'Ü',
  szlig: 'ß',
  eacute: 'é',
  egrave: 'è',
  agrave: 'à',
  ccedil: 'ç',
  ntilde: 'ñ',
}

const codePoint = (value: number): string =>
  value > 0 && value <= 0x10ffff && !(value >= 0xd800 && value <= 0xdfff) ? String.fromCodePoint(value) : '\ufffd'

/** Character references as characters; unknown ones stay. */
export const decodeEntities = (text: string): string =>
  text.replace(
    /&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|([a-z]{2,8}));/gi,
    (whole, hex?: string, decimal?: string, name?: string) => {
      if (hex !== undefined) return codePoint(Number.parseInt(hex, 16))
      if (decimal !== undefined) return codePoint(Number(decimal))
      return named[name ?? ''] ?? whole
    },
  )

const tagName = /^\/?([a-z][a-z0-9-]*)/i

/** What a tag contributes to the text. */
const spacing = (name: string): string => (name === 'br' || blocks.has(name) ? '\n' : cells.has(name) ? ' ' : '')

/** The text of a page: a line a block, entities decoded, scripts and styles left out. */
export const htmlToText = (html: string): string => {
  const lower = html.toLowerCase()
  const parts: string[] = []
  let preformatted = 0
  const addText = (text: string): void => {
    parts.push(preformatted > 0 ? text : text.replace(/\s+/g, ' '))
  }

  for (let place = 0; place < html.length;) {
    const open = html.indexOf('<', place)
    if (open < 0) {
      addText(html.slice(place))
      break
    }
    addText(html.slice(place, open))
    if (html.startsWith('<!--', open)) {
      const end = html.indexOf('-->', open + 4)
      place = end < 0 ? html.length : end + 3
      continue
    }
    const name = tagName.exec(lower.slice(open + 1, open + 33))?.[1]
    if (name === undefined && !['!', '?', '/'].includes(html[open + 1] ?? '')) {
      addText('<')
      place = open + 1
      continue
    }
    const close = html.indexOf('>', open)
    if (close < 0) break
    place = close + 1
    const ends = html[open + 1] === '/'
    if (name !== undefined && skipped.has(name) && !ends) {
      const end = lower.indexOf(`</${name}`, place)
      place = end < 0 ? html.length : end
      continue
    }
    if (name === 'pre') preformatted = Math.max(0, preformatted + (ends ? -1 : 1))
    if (name !== undefined) parts.push(spacing(name), name === 'li' && !ends ? '- ' : '')
  }
  return decodeEntities(parts.join(''))
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .replace(/\n[ \t]+\n/g, '\n\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()
}

/** The title of a page; empty when it has none near its beginning. */
export const htmlTitle = (html: string): string => {
  const found = /<title[^>]{0,200}>([^<]{0,500})/i.exec(html.slice(0, 65_536))
  return decodeEntities(found?.[1] ?? '')
    .replace(/\s+/g, ' ')
    .trim()
}
