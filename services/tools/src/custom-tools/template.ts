/** Commands with places for arguments. What stands in one is a single word of the shell, whatever it holds. */
import { forEachChild, parse, type SyntaxNode } from 'unbash'
import { isShell, programName } from '../exec/guard/programs.ts'
import { readScript, UnreadableCommand } from '../exec/shell/script.ts'

const placeholder = /\{\{\s*\.([A-Za-z_]\w{0,99})\s*\}\}/g
/** Letters that no template holds, so that they are found again in what the parser makes of it. */
const markOf = (at: number): string => `CLAWMESHPLACE${at}X`
const mark = /CLAWMESHPLACE(\d+)X/g

/** What closes the quotes around a place, and opens them again behind it. */
type Quotes = '' | "'" | '"'

export interface Template {
  /** One text more than there are places. */
  texts: readonly string[]
  places: readonly { key: string; quotes: Quotes }[]
}

/** Nodes in which quotes mean something else than in a word. */
const strange = new Set<string>([
  'ParameterExpansion',
  'ArithmeticExpansion',
  'ArithmeticCommand',
  'AnsiCQuoted',
  'TestCommand',
])

/** How the place of each mark is quoted; one that is not found stands where no word can. */
const quotesIn = (root: SyntaxNode): Map<number, Quotes> => {
  const found = new Map<number, Quotes>()
  const visit = (node: SyntaxNode, isDouble: boolean): void => {
    if (strange.has(node.type)) return
    if (node.type === 'SingleQuoted' || node.type === 'Literal') {
      const quotes = node.type === 'SingleQuoted' ? "'" : isDouble ? '"' : ''
      for (const [, at] of node.value.matchAll(mark)) found.set(Number(at), quotes)
    }
    // A word of one plain text has no parts.
    if (node.type === 'Word' && node.parts === undefined)
      for (const [, at] of node.value.matchAll(mark)) found.set(Number(at), '')
    const inside = node.type === 'DoubleQuoted' || (isDouble && node.type !== 'CommandExpansion')
    forEachChild(node, (child) => visit(child, inside))
  }
  visit(root, false)
  return found
}

/** Whether an argument would be read as a script once more: one word of one shell is many of the next. */
const isReadAgain = (marked: string): boolean =>
  readScript(marked, { shell: 'bash' }).invocations.some(({ words: [program = '', ...args] }) => {
    const name = programName(program)
    const reads = isShell(name) || ['eval', 'su', 'runuser', 'script', 'watch', 'parallel', 'trap'].includes(name)
    return program.includes('CLAWMESHPLACE') || (reads && args.some((argument) => argument.includes('CLAWMESHPLACE')))
  })

/** Undefined for a command that cannot be read, or has a place where no word of its own can stand. */
export const readTemplate = (command: string): Template | undefined => {
  if (command.includes('CLAWMESHPLACE')) return undefined
  const keys = [...command.matchAll(placeholder)].map(([, key]) => key!)
  const texts = command.split(placeholder).filter((_, at) => at % 2 === 0)
  const marked = texts.map((text, at) => (at === 0 ? text : markOf(at - 1) + text)).join('')
  try {
    if (isReadAgain(marked)) return undefined
  } catch (thrown) {
    if (thrown instanceof UnreadableCommand) return undefined
    throw thrown
  }
  const quotes = quotesIn(parse(marked))
  if (quotes.size !== keys.length) return undefined
  return { texts, places: keys.map((key, at) => ({ key, quotes: quotes.get(at)! })) }
}

const textOf = (value: unknown): string => {
  if (value === undefined || value === null) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`

/** The command with its arguments; one that is not there is empty. */
export const filled = ({ texts, places }: Template, args: Readonly<Record<string, unknown>>): string =>
  places.reduce((command, { key, quotes }, at) => {
    const value = Object.hasOwn(args, key) ? args[key] : undefined
    return command + quotes + quoted(textOf(value)) + quotes + texts[at + 1]!
  }, texts[0]!)
