/** Writes Markdown from left to right. What is not yet known to be needed, such as a blank or a mark, waits for text. */

/** A kind of mark around a run of text, as Markdown spells it. */
const marks = { strong: '**', emphasis: '_', code: '`' } as const
export type Mark = keyof typeof marks

/** Deeper quotes and lists look like this deep. */
const deepest = 10

export interface MarkdownWriter {
  /** Text in which runs of whitespace are one blank. */
  text: (text: string) => void
  /** A piece of Markdown that goes on in the line, as it is. */
  piece: (markdown: string) => void
  /** Lines of Markdown by themselves, as they are. */
  lines: (markdown: string) => void
  /** Ends the line, once or, for an empty line between, twice. */
  breakLine: (count: 1 | 2) => void
  /** One more line end, up to an empty line between. */
  addBreak: () => void
  open: (mark: Mark) => void
  close: (mark: Mark) => void
  /** Begins an entry of the innermost list with `marker`. */
  entry: (marker: string) => void
  /** Begins a heading with `marker`; one without text is left out. */
  heading: (marker: string) => void
  /** How many lists and quotes what follows stands in. */
  nest: (kind: 'list' | 'quote', by: 1 | -1) => void
  result: () => string
}

export const createMarkdownWriter = (): MarkdownWriter => {
  const parts: string[] = []
  const depth = { list: 0, quote: 0 }
  const nested: Record<Mark, number> = { strong: 0, emphasis: 0, code: 0 }
  /** Marks that stand in the line, in the order in which they were written. */
  let written: Mark[] = []
  let breaks = 0
  let isLineStart = true
  let blank = false
  let marker = ''
  let heading = ''

  const prefix = (): string => {
    const quote = '> '.repeat(Math.min(depth.quote, deepest))
    const levels = Math.min(depth.list, deepest)
    const beginning = marker === '' ? '  '.repeat(levels) : '  '.repeat(Math.max(0, levels - 1)) + marker
    marker = ''
    return quote + beginning
  }

  const endMarks = (): void => {
    for (const mark of written.toReversed()) parts.push(marks[mark])
    written = []
  }

  const startLine = (): void => {
    if (parts.length > 0 && breaks > 0) {
      parts.push('\n')
      if (breaks > 1) parts.push('> '.repeat(Math.min(depth.quote, deepest)).trimEnd(), '\n')
    }
    if (isLineStart) parts.push(prefix(), heading)
    heading = ''
    breaks = 0
    isLineStart = false
    blank = false
  }

  const write = (markdown: string): void => {
    if (isLineStart) startLine()
    else if (blank) parts.push(' ')
    blank = false
    for (const mark of Object.keys(marks) as Mark[]) {
      if (nested[mark] === 0 || written.includes(mark)) continue
      parts.push(marks[mark])
      written.push(mark)
    }
    parts.push(markdown)
  }

  const breakLine = (count: number): void => {
    heading = ''
    if (isLineStart && parts.length === 0) return
    endMarks()
    breaks = Math.max(breaks, count)
    isLineStart = true
  }

  return {
    text: (text) => {
      const words = text.replace(/[ \t\r\n\f\u00a0]+/g, ' ')
      const core = words.replace(/^ | $/g, '')
      if (words.startsWith(' ')) blank = true
      if (core === '') return
      write(core)
      blank = words.endsWith(' ')
    },
    piece: write,
    lines: (markdown) => {
      if (markdown === '') return
      for (const line of markdown.split('\n')) {
        startLine()
        parts.push(line)
        isLineStart = true
        breaks = 1
      }
    },
    breakLine,
    addBreak: () => breakLine(Math.min(2, breaks + 1)),
    open: (mark) => {
      nested[mark]++
    },
    close: (mark) => {
      if (nested[mark] === 0) return
      nested[mark]--
      if (nested[mark] > 0 || !written.includes(mark)) return
      // Those inside it end with it and begin anew.
      while (written.includes(mark)) parts.push(marks[written.pop()!])
    },
    entry: (text) => {
      breakLine(1)
      marker = text
    },
    heading: (text) => {
      breakLine(2)
      heading = text
    },
    nest: (kind, by) => {
      depth[kind] = Math.max(0, depth[kind] + by)
      // An entry without text ends with its list.
      if (by < 0) marker = ''
    },
    result: () => {
      endMarks()
      return parts.join('')
    },
  }
}
