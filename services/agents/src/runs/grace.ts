/** How long a run goes on while nobody follows it. */

export interface Grace {
  /** Somebody follows the run. */
  renew: () => void
  stop: () => void
}

/** Calls `over` once nobody has followed for so long. */
export const createGrace = (graceMs: number, over: () => void): Grace => {
  const timer = setTimeout(over, graceMs)
  return { renew: () => void timer.refresh(), stop: () => clearTimeout(timer) }
}
