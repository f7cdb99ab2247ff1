/**
 * Anthropic's prompt cache, as its documentation has it: what stands before a mark is kept, and a later request reads the
 * longest beginning that was kept, looked for at its marks and up to twenty blocks before each.
 */
import { isJson, wordCount } from './http-fake.ts'
import type { Json } from './json.ts'

const lookback = 20

interface Block {
  /** It with all that comes before it. */
  prefix: string
  words: number
  isMarked: boolean
}

const list = (value: unknown): Json[] =>
  typeof value === 'string' ? [{ type: 'text', text: value }] : Array.isArray(value) ? value.filter(isJson) : []

const blocksOf = ({ tools, system, messages }: Json): Block[] => {
  const parts = [
    ...list(tools).map((block) => ['tools', block] as const),
    ...list(system).map((block) => ['system', block] as const),
    ...list(messages).flatMap(({ role, content }) => list(content).map((block) => [String(role), block] as const)),
  ]
  let prefix = ''
  return parts.map(([where, { cache_control, ...block }]) => {
    const text = JSON.stringify(block)
    prefix += `${where} ${text}\n`
    return { prefix, words: wordCount(text), isMarked: cache_control !== undefined }
  })
}

const wordsOf = (blocks: readonly Block[]): number => blocks.reduce((sum, { words }) => sum + words, 0)

/** A cache of its own. What it returns for the body of a request is the `usage` of the answer, in words. */
export const createAnthropicCache = () => {
  const kept = new Set<string>()
  return (body: Json): Json => {
    const blocks = blocksOf(body)
    const marks = blocks.flatMap(({ isMarked }, at) => (isMarked ? [at] : []))
    const found = marks.flatMap((mark) => {
      for (let at = mark; at >= Math.max(0, mark - lookback); at--) if (kept.has(blocks[at]!.prefix)) return [at + 1]
      return []
    })
    const read = Math.max(0, ...found)
    const written = Math.max(read, (marks.at(-1) ?? -1) + 1)
    for (const mark of marks) kept.add(blocks[mark]!.prefix)
    return {
      input_tokens: wordsOf(blocks.slice(written)),
      cache_read_input_tokens: wordsOf(blocks.slice(0, read)),
      cache_creation_input_tokens: wordsOf(blocks.slice(read, written)),
    }
  }
}
