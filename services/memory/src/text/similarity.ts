/** How alike two texts or names are, 0 to 1. */

/** The share of words that two texts have in common (Jaccard). */
export const sharedWords = (a: ReadonlySet<string>, b: ReadonlySet<string>): number => {
  if (a.size === 0 || b.size === 0) return 0
  const both = a.intersection(b).size
  return both / (a.size + b.size - both)
}

/** Comparing takes time by the product of the lengths. */
const longestName = 200

/**
 * Jaro-Winkler similarity of two names without regard to case: beginnings of up to 4 equal letters count for more, by 0.1
 * each. Winkler, "String Comparator Metrics and Enhanced Decision Rules", 1990.
 */
export const nameSimilarity = (one: string, other: string): number => {
  const [a, b] = [one, other].map((name) => [...name.trim().toLowerCase()].slice(0, longestName)) as [
    string[],
    string[],
  ]
  if (a.length === 0 || b.length === 0) return a.length === b.length ? 1 : 0
  const reach = Math.max(0, Math.floor(Math.max(a.length, b.length) / 2) - 1)
  const taken = new Array<boolean>(b.length).fill(false)
  const fromA = a.filter((letter, i) => {
    for (let j = Math.max(0, i - reach); j <= Math.min(b.length - 1, i + reach); j++)
      if (!taken[j] && b[j] === letter) return (taken[j] = true)
    return false
  })
  if (fromA.length === 0) return 0
  const fromB = b.filter((_, j) => taken[j])
  const swapped = fromA.filter((letter, i) => letter !== fromB[i]).length / 2
  const jaro = (fromA.length / a.length + fromA.length / b.length + (fromA.length - swapped) / fromA.length) / 3
  let start = 0
  while (start < 4 && a[start] !== undefined && a[start] === b[start]) start++
  return jaro + start * 0.1 * (1 - jaro)
}
