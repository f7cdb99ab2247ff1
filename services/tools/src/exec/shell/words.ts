/** What the words of a command come to: every text that they could be, with marks for what only running would tell. */
import type { ParameterExpansionPart, Word, WordPart } from 'unbash'
import { anyText, fieldBreak, givenText, unknownText } from './marks.ts'

/** Variables as the whole script sets them, wherever that is: a word list, or 'unknown' for what is read or computed. */
export interface Variables {
  assigned: ReadonlyMap<string, readonly Word[] | 'unknown'>
  /** Values that were worked out before, by how far the variable stood behind others. */
  known: Map<string, string[]>
}

export const variablesOf = (assigned: Variables['assigned']): Variables => ({ assigned, known: new Map() })

const mostAlternatives = 24
const mostHops = 8
/** Of a text that a word could be: variables that hold each other many times over make more than memory holds. */
const longestText = 32_768
/** In one word, and the words that they make of it. */
const mostBraces = 8
const mostBraceWords = 256

/** Set by us, by the shell, or by both; their values are paths and plain names. */
const given = ['HOME', 'PWD', 'OLDPWD', 'TMPDIR', 'USER', 'LANG', 'TZ', 'PATH', 'PYTHONPATH', 'NODE_PATH']
const numbers = ['?', '$', '!', '#', 'RANDOM', 'SECONDS', 'LINENO', 'PPID', 'UID', 'EUID', 'OPTIND', 'SHLVL']
const setByShell =
  /^(?:[-0_]|BASH.*|SHELL.*|PS[0-4]|HOST.*|MACHTYPE|OSTYPE|REPLY|OPTARG|DIRSTACK|FUNCNAME|PIPESTATUS|COPROC.*|MAPFILE)$/

/** Every text out of one of each. */
const joined = (parts: readonly (readonly string[])[]): string[] =>
  parts.reduce<string[]>(
    (texts, alternatives) => {
      if (texts.length * alternatives.length > mostAlternatives) return [unknownText]
      const longer = texts.flatMap((text) => alternatives.map((alternative) => text + alternative))
      return longer.some(({ length }) => length > longestText) ? [unknownText] : longer
    },
    [''],
  )

const splitAndMatched = (value: string): string => value.replace(/[ \t\n]+/g, fieldBreak).replace(/[*?[]/g, anyText)

interface Reading extends Variables {
  quoted: boolean
  hops: number
}

const assignedValues = (name: string, reading: Reading): string[] => {
  const { assigned, known, hops } = reading
  const words = assigned.get(name)
  if (words === 'unknown' || words === undefined || hops >= mostHops || words.length > mostAlternatives)
    return [unknownText]
  // Worked out once: variables may name each other so often that each time anew would never end.
  const key = `${hops} ${name}`
  const before = known.get(key)
  if (before !== undefined) return before
  const values = words.flatMap((word) => valuesIn(word, { ...reading, quoted: true, hops: hops + 1 }))
  // It may be read before it is set.
  const all = values.length > mostAlternatives ? [unknownText] : [...new Set(['', ...values])]
  known.set(key, all)
  return all
}

const variable = (name: string, reading: Reading): string[] => {
  const { quoted, assigned } = reading
  if (name === 'IFS') return [assigned.has('IFS') ? unknownText : quoted ? ' ' : fieldBreak]
  if (/^(?:[1-9]\d*|[@*])$/.test(name)) return ['', unknownText]
  if (assigned.has(name)) {
    const values = assignedValues(name, reading)
    if (quoted) return values
    return assigned.has('IFS') ? [unknownText] : values.map(splitAndMatched)
  }
  if (numbers.includes(name)) return ['0']
  if (given.includes(name)) return [`/${givenText}`]
  return [setByShell.test(name) ? unknownText : '']
}

const parameter = (part: ParameterExpansionPart, reading: Reading): string[] => {
  const { operation } = part
  if (part.prefix === '#') return ['0']
  if (part.prefix === '!' || part.index !== undefined) return [unknownText]
  if (operation === undefined) return variable(part.parameter, reading)
  if (operation.type !== 'Default') return [unknownText]
  const operand = valuesIn(operation.operand, reading)
  return [
    ...new Set([
      ...variable(part.parameter, reading),
      ...operand.map((text) => (reading.quoted ? text : splitAndMatched(text))),
    ]),
  ]
}

/** `{a,b}` as the texts that it makes; what is more than plain names in braces is unknown. */
const braces = (text: string): string[] => {
  const inside = /^\{([\w./,+-]*)\}$/.exec(text)?.[1]
  if (inside?.includes(',')) return inside.split(',')
  return /^\{\d+\.\.\d+\}$/.test(text) ? ['0'] : [unknownText]
}

const partValues = (part: WordPart, reading: Reading): string[] => {
  switch (part.type) {
    case 'Literal':
    case 'SingleQuoted':
    case 'AnsiCQuoted':
      return [part.value]
    case 'DoubleQuoted':
    case 'LocaleString':
      return joined(part.parts.map((child) => partValues(child, { ...reading, quoted: true })))
    case 'SimpleExpansion':
      return variable(part.text.slice(1), reading)
    case 'ParameterExpansion':
      return parameter(part, reading)
    case 'ArithmeticExpansion':
      return ['0']
    case 'ProcessSubstitution':
      return ['/dev/fd/63']
    case 'Glob':
    case 'ExtendedGlob':
      return [anyText]
    case 'BraceExpansion':
    case 'CommandExpansion':
      return [unknownText]
  }
}

/** A word with braces is several words: what stands before and behind goes with each. */
const withBraces = (parts: readonly WordPart[], reading: Reading): string[] => {
  const at = parts.findIndex(({ type }) => type === 'BraceExpansion')
  if (at < 0) return joined(parts.map((part) => partValues(part, reading)))
  const before = joined(parts.slice(0, at).map((part) => partValues(part, reading)))
  const after = withBraces(parts.slice(at + 1), reading)
  const middle = braces(parts[at]!.text)
  return joined([before, [fieldBreak], after]).map((text) => {
    const [head = '', ...tail] = text.split(fieldBreak)
    return middle.map((item) => head + item + tail.join(fieldBreak)).join(fieldBreak)
  })
}

/** Whether the braces of a word, of which each multiplies the words of those before, make more than is looked at. */
const makesTooMany = (parts: readonly WordPart[]): boolean => {
  const counts = parts.flatMap(({ type, text }) => (type === 'BraceExpansion' ? [braces(text).length] : []))
  return counts.length > mostBraces || counts.reduce((words, count) => words * count, 1) > mostBraceWords
}

const valuesIn = (word: Word, reading: Reading): string[] => {
  if (word.parts === undefined) return [word.value]
  return makesTooMany(word.parts) ? [unknownText] : withBraces(word.parts, reading)
}

/** The texts that a word could be, `fieldBreak` where the shell makes several of it. Never empty. */
export const valuesOf = (word: Word, variables: Variables): string[] => {
  const values = valuesIn(word, { ...variables, quoted: false, hops: 0 })
  return values.length > mostAlternatives ? [unknownText] : values
}
