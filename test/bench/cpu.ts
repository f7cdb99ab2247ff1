/** Ways of doing the same within this process, measured in turn: processor time does not care who else uses the machine. */

/** So many at a time. */
export const atATime = [1, 32]

interface Spent {
  cpuUs: number
  perSecond: number
}

/** What runs less often is not compiled yet. */
const warmUpTimes = 1_000

/** Does something again and again, as long as it is to go on. */
const repeat = async (work: () => Promise<void>, concurrency: number, goesOn: (begun: number) => boolean) => {
  let begun = 0
  const worker = async (): Promise<void> => {
    while (goesOn(begun)) {
      begun++
      await work()
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
  return begun
}

/** Does something for a while: processor time each, and how many a second. */
const measure = async (work: () => Promise<void>, concurrency: number, durationMs: number): Promise<Spent> => {
  const before = process.cpuUsage()
  const sinceMs = performance.now()
  const times = await repeat(work, concurrency, () => performance.now() - sinceMs < durationMs)
  const { user, system } = process.cpuUsage(before)
  return { cpuUs: (user + system) / times, perSecond: (times * 1_000) / (performance.now() - sinceMs) }
}

/** Prints the best round of each way, one at a time and 32. */
export const compare = async (
  name: string,
  ways: ReadonlyMap<string, () => Promise<void>>,
  { rounds, durationMs }: { rounds: number; durationMs: number },
): Promise<void> => {
  for (const work of ways.values()) await repeat(work, Math.max(...atATime), (begun) => begun < warmUpTimes)
  for (const concurrency of atATime) {
    const best = new Map<string, Spent>()
    for (let round = 0; round < rounds; round++)
      for (const [way, work] of ways) {
        const spent = await measure(work, concurrency, durationMs)
        if (spent.cpuUs < (best.get(way)?.cpuUs ?? Infinity)) best.set(way, spent)
      }
    for (const [way, { cpuUs, perSecond }] of best)
      console.log(
        `${name}, ${concurrency} at a time, ${way}`.padEnd(40) +
          `${cpuUs.toFixed(0).padStart(7)} us CPU${perSecond.toFixed(0).padStart(8)} a second`,
      )
  }
}
