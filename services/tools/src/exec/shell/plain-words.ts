/** The words of a command that needs no shell. */
import { parse, type Word, type WordPart } from 'unbash'

/** The text of a part that stands for itself; undefined for what a shell would put in its place. */
const plainPart = (part: WordPart): string | undefined => {
  if (part.type === 'Literal' || part.type === 'SingleQuoted' || part.type === 'AnsiCQuoted') return part.value
  if (part.type !== 'DoubleQuoted') return undefined
  const parts = part.parts.map((inner) => (inner.type === 'Literal' ? inner.value : undefined))
  return parts.includes(undefined) ? undefined : parts.join('')
}

const plainWord = (word: Word): string | undefined => {
  if (word.parts === undefined) return word.value
  const parts = word.parts.map(plainPart)
  return parts.includes(undefined) ? undefined : parts.join('')
}

/**
 * Name and arguments of one program, quotes taken off, empty ones kept. Undefined for more than one program, and for what
 * a shell would expand, redirect or set.
 * @param text a command that can be read (`readScript`)
 */
export const plainWords = (text: string): string[] | undefined => {
  const { commands } = parse(text)
  const [statement] = commands
  if (commands.length !== 1 || statement?.command.type !== 'Command' || statement.background === true) return undefined
  const { name, args, prefix, redirects } = statement.command
  if (name === undefined || prefix.length > 0 || redirects.length > 0) return undefined
  const words = [name, ...args].map((word) => (word.type === 'Word' ? plainWord(word) : undefined))
  return words.includes(undefined) ? undefined : (words as string[])
}
