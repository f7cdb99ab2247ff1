/** The value below which a share of sorted times lies. */
export const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN

/** Prints the median and the slowest of each kind of turn, which were measured one at a time. */
export const printTurns = (title: string, times: ReadonlyMap<string, readonly number[]>): void => {
  console.log(`\n${title}\n         p50 ms   p99 ms`)
  for (const [name, unsorted] of times) {
    const sorted = unsorted.toSorted((a, b) => a - b)
    const cells = [0.5, 0.99].map((share) => percentile(sorted, share).toFixed(2).padStart(9))
    console.log(`      ${cells.join('')}  ${name}`)
  }
}
