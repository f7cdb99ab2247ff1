/** HTML to Markdown in one pass: in linear time, and with no more stack for a page that is nested deep. */
import { htmlTokens, type HtmlToken } from './html-tokens.ts'
import { createMarkdownWriter, type MarkdownWriter, type Mark } from './markdown-writer.ts'

type OpenTag = Extract<HtmlToken, { type: 'open' }>

/** What is written apart and then put into what it stands in. */
type Frame = { writer: MarkdownWriter } & (
  { kind: 'page' } | { kind: 'link'; href: string | undefined } | { kind: 'table'; rows: string[][] } | { kind: 'cell' }
)

/** Tables in tables in tables are laid out, not told. */
const deepestTables = 3
const longestHref = 2_000
/** A longer text in a link is a part of the page that can be clicked. */
const longestLinkText = 500

const marks = new Map<string, Mark>([
  ['b', 'strong'],
  ['strong', 'strong'],
  ['i', 'emphasis'],
  ['em', 'emphasis'],
  ['code', 'code'],
  ['kbd', 'code'],
  ['samp', 'code'],
])
const headings = new Map(['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((name, index) => [name, '#'.repeat(index + 1)]))
const blocks = new Set(
  (
    'address article aside body details dialog div dl fieldset figcaption figure footer form header html main nav p ' +
    'section summary'
  ).split(' '),
)
const lineBlocks = new Set(['dd', 'dt', 'tr', 'caption', 'option'])

const isLarge = (markdown: string): boolean => markdown.length > longestLinkText || markdown.includes('\n\n')
const inOneLine = (markdown: string): string => markdown.replace(/\n/g, ' ')
const inCell = (markdown: string): string => inOneLine(markdown).replaceAll('|', '\\|')

/** A table as Markdown has it; one that only lays out a page as what stands in it. */
const tableLines = (rows: readonly string[][]): string => {
  const filled = rows.filter((row) => row.some((cell) => cell !== ''))
  if (filled.some((row) => row.some(isLarge)) || filled.every((row) => row.length === 1))
    return filled
      .flat()
      .filter((cell) => cell !== '')
      .join('\n\n')
  const line = (row: readonly string[]): string => `| ${row.join(' | ')} |`
  const [head = [], ...others] = filled.map((row) => row.map(inCell))
  return [line(head), line(head.map(() => '---')), ...others.map(line)].join('\n')
}

/** The fence around a text: longer than any in it. */
const fenced = (text: string, language: string): string => {
  const longest = Math.max(2, ...(text.match(/`{3,}/g) ?? []).slice(0, 1_000).map((ticks) => ticks.length))
  const fence = '`'.repeat(Math.min(longest, 100) + 1)
  return `${fence}${language}\n${text.replace(/^\n/, '').trimEnd()}\n${fence}`
}

/**
 * A page as Markdown: headings, lists, quotes, code, tables, emphasis, links and images, the last two with absolute
 * addresses.
 * @param url where the page is from; what its links are relative to unless it names another base
 */
export const htmlToMarkdown = (html: string, url: string): string => {
  const frames: Frame[] = [{ kind: 'page', writer: createMarkdownWriter() }]
  const lists: { ordered: boolean; count: number }[] = []
  let base = url
  let hasBase = false
  let pre: { parts: string[]; language: string } | undefined

  const top = (): Frame => frames.at(-1)!
  const writer = (): MarkdownWriter => top().writer
  const tables = (): number => frames.filter(({ kind }) => kind === 'table').length

  const absolute = (reference: string | undefined): string | undefined => {
    if (reference === undefined || reference.length > longestHref || reference.startsWith('#')) return undefined
    const target = URL.parse(reference.trim(), base)
    if (!target || !['http:', 'https:', 'mailto:'].includes(target.protocol)) return undefined
    return target.href.replaceAll('(', '%28').replaceAll(')', '%29')
  }

  const endPre = (): void => {
    if (pre === undefined) return
    const text = pre.parts.join('')
    if (text.trim() !== '') {
      writer().breakLine(2)
      writer().lines(fenced(text, pre.language))
      writer().breakLine(2)
    }
    pre = undefined
  }

  /** Puts what the innermost frame holds into the one around it. */
  const endFrame = (): void => {
    endPre()
    const frame = frames.pop()!
    const outer = top()
    const written = frame.writer.result()
    const markdown =
      frame.kind === 'table' ? [written, tableLines(frame.rows)].filter((part) => part !== '').join('\n\n') : written
    if (frame.kind === 'cell') {
      if (outer.kind === 'table') outer.rows.at(-1)!.push(markdown)
    } else if (frame.kind === 'table' || isLarge(markdown)) {
      outer.writer.breakLine(2)
      outer.writer.lines(markdown)
      outer.writer.breakLine(2)
    } else if (frame.kind === 'link' && markdown !== '') {
      const text = inOneLine(markdown)
      outer.writer.piece(frame.href === undefined ? text : `[${text}](${frame.href})`)
    }
  }
  const endLink = (): void => {
    if (top().kind === 'link') endFrame()
  }
  /** Ends the innermost frame of a kind with all in it; nothing when a nearer table holds the place. */
  const endUpTo = (kind: 'cell' | 'table'): void => {
    const index = frames.findLastIndex((frame) => frame.kind === kind || frame.kind === 'table')
    if (index < 0 || frames[index]!.kind !== kind) return
    while (frames.length > index) endFrame()
  }

  const opening: Record<string, (tag: OpenTag) => void> = {
    br: () => writer().addBreak(),
    hr: () => {
      writer().breakLine(2)
      writer().lines('---')
      writer().breakLine(2)
    },
    base: ({ attributes }) => {
      if (hasBase) return
      const href = attributes().get('href')
      base = (href === undefined ? undefined : URL.parse(href, url)?.href) ?? base
      hasBase = true
    },
    a: ({ attributes }) => {
      endLink()
      frames.push({ kind: 'link', href: absolute(attributes().get('href')), writer: createMarkdownWriter() })
    },
    img: ({ attributes }) => {
      const all = attributes()
      const source = absolute(all.get('src'))
      // Pictures inlined as data are long and say nothing.
      if (source !== undefined)
        writer().piece(`![${(all.get('alt') ?? '').replace(/[\s[\]]+/g, ' ').trim()}](${source})`)
    },
    pre: ({ attributes }) => {
      endPre()
      pre = { parts: [], language: languageOf(attributes().get('class')) }
    },
    blockquote: () => {
      writer().breakLine(2)
      writer().nest('quote', 1)
    },
    ul: () => openList(false),
    menu: () => openList(false),
    ol: () => openList(true),
    li: () => {
      const list = lists.at(-1)
      if (list !== undefined) list.count++
      writer().entry(list?.ordered ? `${list.count}. ` : '- ')
    },
    table: () => {
      if (tables() >= deepestTables) return writer().breakLine(2)
      endLink()
      frames.push({ kind: 'table', rows: [], writer: createMarkdownWriter() })
    },
    tr: () => {
      endUpTo('cell')
      const frame = top()
      if (frame.kind === 'table') frame.rows.push([])
      else writer().breakLine(1)
    },
    td: openCell,
    th: openCell,
  }

  const closing: Record<string, () => void> = {
    a: endLink,
    pre: endPre,
    blockquote: () => {
      writer().breakLine(2)
      writer().nest('quote', -1)
    },
    ul: closeList,
    menu: closeList,
    ol: closeList,
    td: () => endUpTo('cell'),
    th: () => endUpTo('cell'),
    table: () => {
      endUpTo('cell')
      endUpTo('table')
    },
  }

  function openList(ordered: boolean): void {
    writer().breakLine(lists.length === 0 ? 2 : 1)
    lists.push({ ordered, count: 0 })
    writer().nest('list', 1)
  }
  function closeList(): void {
    if (lists.pop() === undefined) return
    writer().nest('list', -1)
    writer().breakLine(lists.length === 0 ? 2 : 1)
  }
  function openCell(): void {
    endUpTo('cell')
    const frame = top()
    if (frame.kind !== 'table') return writer().text(' ')
    if (frame.rows.length === 0) frame.rows.push([])
    frames.push({ kind: 'cell', writer: createMarkdownWriter() })
  }

  for (const token of htmlTokens(html)) {
    if (token.type === 'text') {
      if (pre !== undefined) pre.parts.push(token.text)
      else if (top().kind !== 'table' || token.text.trim() !== '') writer().text(token.text)
      continue
    }
    const { type, name } = token
    const mark = marks.get(name)
    if (pre !== undefined && name !== 'pre') {
      if (name === 'br') pre.parts.push('\n')
      if (name === 'code' && type === 'open' && pre.language === '')
        pre.language = languageOf(token.attributes().get('class'))
      continue
    }
    if (mark !== undefined) writer()[type](mark)
    else if (headings.has(name)) {
      if (type === 'open') writer().heading(`${headings.get(name)!} `)
      else writer().breakLine(2)
    } else if (blocks.has(name)) writer().breakLine(2)
    else if (type === 'open' && Object.hasOwn(opening, name)) opening[name]!(token)
    else if (type === 'close' && Object.hasOwn(closing, name)) closing[name]!()
    else if (lineBlocks.has(name)) writer().breakLine(1)
  }
  while (frames.length > 1) endFrame()
  endPre()
  return frames[0]!.writer.result().trim()
}

/** `language-ts`, `lang-ts` or `highlight-source-ts` in a class. */
const languageOf = (classes: string | undefined): string =>
  /(?:^|\s)(?:language|lang|highlight-source)-([\w+#-]{1,30})/.exec((classes ?? '').slice(0, 500))?.[1] ?? ''
