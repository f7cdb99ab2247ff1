/** What a model answers that was asked for context files: `<frontmatter>` and `<file name="...">` elements. */
import { cutText } from '@clawmesh/chassis'

/** Files that a model writes. */
export const summonedFiles = ['SOUL.md', 'IDENTITY.md', 'USER_PREDEFINED.md'] as const
export type SummonedFile = (typeof summonedFiles)[number]

const mostFileChars = 20_000
const mostFrontmatterChars = 2_000

export interface Written {
  /** What the agent is good at, in a paragraph; undefined where nothing is said of it. */
  frontmatter: string | undefined
  files: Partial<Record<SummonedFile, string>>
}

/** The text between two tags; what is never closed goes to the end, as an answer may be cut. */
const between = (text: string, open: string, close: string): string | undefined => {
  const start = text.indexOf(open)
  if (start < 0) return undefined
  const end = text.indexOf(close, start + open.length)
  const found = text.slice(start + open.length, end < 0 ? undefined : end).trim()
  return found === '' ? undefined : found
}

/** The fence of a code block that a model may put around a file. */
const withoutFence = (text: string): string => {
  if (!text.startsWith('```') || !text.endsWith('```')) return text
  const firstLine = text.indexOf('\n')
  return firstLine < 0 ? text : text.slice(firstLine + 1, -3).trim()
}

/** Linear in the length of the answer; without any known element nothing is found. */
export const readAnswer = (answer: string): Written => {
  const frontmatter = between(answer, '<frontmatter>', '</frontmatter>')
  const files = summonedFiles.flatMap((name) => {
    const content = between(answer, `<file name="${name}">`, '</file>')
    return content === undefined ? [] : [[name, `${cutText(withoutFence(content), mostFileChars)}\n`] as const]
  })
  return {
    frontmatter: frontmatter && cutText(frontmatter, mostFrontmatterChars),
    files: Object.fromEntries(files),
  }
}

export const isNothing = ({ frontmatter, files }: Written): boolean =>
  frontmatter === undefined && Object.keys(files).length === 0
