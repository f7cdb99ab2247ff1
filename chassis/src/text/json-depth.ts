/** How deep JSON is nested. Functions that walk a value call themselves; a value nested deep enough overflows the stack. */

/** Deeper nesting is no request, tool call or schema of anybody's; every walk of a value can bear it. */
export const maxJsonDepth = 100

/** Whether a JSON text has objects or arrays nested deeper than `limit`. Linear; a text that is no JSON gives either. */
export const isJsonDeeperThan = (json: string, limit: number = maxJsonDepth): boolean => {
  let depth = 0
  let inString = false
  for (let place = 0; place < json.length; place++) {
    const unit = json.charCodeAt(place)
    if (inString) {
      if (unit === 0x5c) place++
      else if (unit === 0x22) inString = false
    } else if (unit === 0x22) inString = true
    else if (unit === 0x5b || unit === 0x7b) {
      if (++depth > limit) return true
    } else if (unit === 0x5d || unit === 0x7d) depth--
  }
  return false
}

const isNested = (value: unknown): value is object => typeof value === 'object' && value !== null

/** Whether a value of plain data is nested deeper than `limit`. Uses no more stack than one call, however deep. */
export const isDeeperThan = (value: unknown, limit: number = maxJsonDepth): boolean => {
  let level = [value].filter(isNested)
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > limit) return true
    level = level.flatMap((outer) => (Object.values(outer) as unknown[]).filter(isNested))
  }
  return false
}
