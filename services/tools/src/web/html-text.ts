/** HTML to plain text. */
import { htmlTokens } from './html-tokens.ts'

const blocks = new Set(
  (
    'address article aside blockquote body dd details dialog div dl dt fieldset figcaption figure footer form h1 h2 h3 ' +
    'h4 h5 h6 header hr html li main nav ol p pre section summary table tbody tfoot thead tr ul'
  ).split(' '),
)
const cells = new Set(['td', 'th'])

/** What a tag contributes to the text. */
const spacing = (name: string): string => (name === 'br' || blocks.has(name) ? '\n' : cells.has(name) ? ' ' : '')

/** The text of a page: a line a block, entities decoded, scripts and styles left out. In linear time. */
export const htmlToText = (html: string): string => {
  const parts: string[] = []
  let preformatted = 0
  for (const token of htmlTokens(html)) {
    if (token.type === 'text') {
      parts.push(preformatted > 0 ? token.text : token.text.replace(/[ \t\r\n\f\u00a0]+/g, ' '))
      continue
    }
    const { type, name } = token
    if (name === 'pre') preformatted = Math.max(0, preformatted + (type === 'close' ? -1 : 1))
    parts.push(spacing(name), name === 'li' && type === 'open' ? '- ' : '')
  }
  return parts
    .join('')
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()
}
