/** Finds tools by what they are said to do: BM25 over server, name and description. */

const k1 = 1.2
const b = 0.75
const mostTokens = 2_000

export interface Searched {
  server: string
  name: string
  description: string
}

export const tokensOf = (text: string): string[] =>
  (text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).filter((token) => token.length > 1).slice(0, mostTokens)

/** The documents that have a word of the query, the best first; those that are equally good stay in order. */
export const searchTools = <T extends Searched>(documents: readonly T[], query: string, most: number): T[] => {
  const counted = documents.map(({ server, name, description }) => {
    const tokens = tokensOf(`${server} ${name} ${description}`)
    const counts = new Map<string, number>()
    for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1)
    return { length: tokens.length, counts }
  })
  const average = counted.reduce((sum, { length }) => sum + length, 0) / Math.max(counted.length, 1)
  const weights = [...new Set(tokensOf(query))].map((token) => {
    const having = counted.filter(({ counts }) => counts.has(token)).length
    return { token, weight: Math.log(1 + (counted.length - having + 0.5) / (having + 0.5)) }
  })
  return counted
    .map(({ counts, length }, place) => ({
      place,
      score: weights.reduce((sum, { token, weight }) => {
        const count = counts.get(token) ?? 0
        return sum + (weight * count * (k1 + 1)) / (count + k1 * (1 - b + (b * length) / Math.max(average, 1)))
      }, 0),
    }))
    .filter(({ score }) => score > 0)
    .sort((one, other) => other.score - one.score || one.place - other.place)
    .slice(0, most)
    .map(({ place }) => documents[place]!)
}
