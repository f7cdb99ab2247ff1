/**
 * The text of office documents: archives of XML. Word, Excel and PowerPoint (ECMA-376) and OpenDocument (ISO/IEC 26300).
 * Only those parts are unpacked that hold text, and no more of them than fits.
 */
import { unzipSync } from 'fflate'
import { Parser } from 'htmlparser2'

/** Of all parts that are looked at, unpacked. */
const mostUnpackedBytes = 64 * 1024 * 1024
const mostParts = 2_000

/** Names, as XML has them, of what holds text, ends a line, and ends a cell. */
interface Layout {
  parts: RegExp
  /** None where all text is the document's. */
  texts?: readonly string[]
  lines?: readonly string[]
  cells?: readonly string[]
  isSheets?: boolean
}

const layouts: Record<string, Layout> = {
  'word/document.xml': {
    parts: /^word\/(?:document|footnotes|endnotes)\.xml$/,
    texts: ['w:t'],
    lines: ['w:p', 'w:br', 'w:tr'],
    cells: ['w:tab', 'w:tc'],
  },
  'ppt/presentation.xml': {
    parts: /^ppt\/(?:slides\/slide|notesSlides\/notesSlide)\d{1,6}\.xml$/,
    texts: ['a:t'],
    lines: ['a:p', 'a:br'],
    cells: ['a:tab'],
  },
  'xl/workbook.xml': { parts: /^xl\/(?:sharedStrings|worksheets\/sheet\d{1,6})\.xml$/, isSheets: true },
  'content.xml': {
    parts: /^content\.xml$/,
    lines: ['text:p', 'text:h', 'text:line-break', 'table:table-row'],
    cells: ['text:tab', 'table:table-cell'],
  },
}

/** What of an archive is looked at. @throws when that is more than fits */
const unpacked = (bytes: Uint8Array, isWanted: (name: string) => boolean): Map<string, string> => {
  let size = 0
  let count = 0
  const parts = unzipSync(bytes, {
    filter: ({ name, originalSize }) => {
      if (!isWanted(name)) return false
      size += originalSize
      if (++count > mostParts || size > mostUnpackedBytes) throw new Error('the archive holds too much')
      return true
    },
  })
  return new Map(Object.entries(parts).map(([name, part]) => [name, Buffer.from(part).toString('utf8')]))
}

const namesOf = (bytes: Uint8Array): ReadonlySet<string> => {
  const names = new Set<string>()
  unzipSync(bytes, {
    filter: ({ name }) => {
      if (names.size < 100_000) names.add(name)
      return false
    },
  })
  return names
}

const textOfPart = (xml: string, { texts = [], lines = [], cells = [] }: Layout): string => {
  const pieces: string[] = []
  let depth = 0
  const isText = (name: string): boolean => texts.includes(name)
  const parser = new Parser(
    {
      onopentagname: (name) => {
        if (isText(name)) depth++
      },
      ontext: (text) => {
        if (texts.length === 0 || depth > 0) pieces.push(text)
      },
      onclosetag: (name) => {
        if (isText(name)) depth--
        if (lines.includes(name)) pieces.push('\n')
        else if (cells.includes(name)) pieces.push('\t')
      },
    },
    { xmlMode: true, decodeEntities: true },
  )
  parser.end(xml)
  return pieces.join('')
}

/** The strings that cells of a spreadsheet name by their number. */
const sharedStrings = (xml: string): string[] => {
  const strings: string[] = []
  let isText = false
  const parser = new Parser(
    {
      onopentagname: (name) => {
        if (name === 'si') strings.push('')
        isText = name === 't'
      },
      ontext: (text) => {
        if (isText && strings.length > 0) strings[strings.length - 1] += text
      },
      onclosetag: () => {
        isText = false
      },
    },
    { xmlMode: true, decodeEntities: true },
  )
  parser.end(xml)
  return strings
}

/** A sheet, its rows as lines and its cells apart by tabs. */
const textOfSheet = (xml: string, strings: readonly string[]): string => {
  const pieces: string[] = []
  let isShared = false
  let isValue = false
  let value = ''
  const parser = new Parser(
    {
      onopentag: (name, { t: type }) => {
        if (name === 'c') {
          isShared = type === 's'
          value = ''
        }
        isValue = name === 'v' || name === 't'
      },
      ontext: (text) => {
        if (isValue) value += text
      },
      onclosetag: (name) => {
        isValue = false
        if (name === 'c') pieces.push(isShared ? (strings[Number(value)] ?? '') : value, '\t')
        else if (name === 'row') pieces.push('\n')
      },
    },
    { xmlMode: true, decodeEntities: true },
  )
  parser.end(xml)
  return pieces.join('')
}

const sharedPart = 'xl/sharedStrings.xml'

const inOrder = new Intl.Collator('en', { numeric: true }).compare

/** @throws for an archive that is no office document, is broken, or holds too much */
export const officeText = async (bytes: Uint8Array): Promise<string> => {
  const names = namesOf(bytes)
  const layout = Object.entries(layouts).find(([mark]) => names.has(mark))?.[1]
  if (layout === undefined) throw new Error('no office document')
  const parts = unpacked(bytes, (name) => layout.parts.test(name))
  const strings = sharedStrings(parts.get(sharedPart) ?? '')
  return [...parts.keys()]
    .filter((name) => name !== sharedPart)
    .sort(inOrder)
    .map((name) => {
      const xml = parts.get(name)!
      const text = layout.isSheets ? textOfSheet(xml, strings) : textOfPart(xml, layout)
      return text
        .split('\n')
        .map((line) => line.trimEnd())
        .join('\n')
        .replace(/\n{3,}/g, '\n\n')
        .trim()
    })
    .join('\n\n')
}
