/** Says when a tool takes much longer than it uses to. */

const leastMs = 120_000
const samples = 3
/** Tools that are remembered; a tenant cannot make more than it can call. */
const mostTools = 5_000

interface Usual {
  count: number
  slowestMs: number
}

interface SlowTools {
  /** Calls back, once, when the tool takes longer than usual. Returns what ends the watch. */
  watch: (tenantId: string, tool: string, isSlow: () => void) => () => void
}

/** When a call of a tool counts as slow, milliseconds. */
export const slowAfterMs = (usual: Usual | undefined): number =>
  usual === undefined || usual.count < samples ? leastMs : Math.max(leastMs, 2 * usual.slowestMs)

export const createSlowTools = (): SlowTools => {
  const known = new Map<string, Usual>()
  return {
    watch: (tenantId, tool, isSlow) => {
      const key = `${tenantId} ${tool}`
      const startedAt = performance.now()
      const timer = setTimeout(isSlow, slowAfterMs(known.get(key)))
      timer.unref()
      return () => {
        clearTimeout(timer)
        const { count, slowestMs } = known.get(key) ?? { count: 0, slowestMs: 0 }
        if (known.size >= mostTools && !known.has(key)) known.delete(known.keys().next().value!)
        known.set(key, { count: count + 1, slowestMs: Math.max(slowestMs, performance.now() - startedAt) })
      }
    },
  }
}
