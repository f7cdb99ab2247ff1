/** How deep JSON is nested, and of how many values it is made. Functions that walk a value call themselves; a value nested deep enough overflows the stack. */

/** Deeper nesting is no request, tool call or schema of anybody's; every walk of a value can bear it. */
export const maxJsonDepth = 100

/** What a JSON text may be made of. */
interface JsonLimits {
  depth: number
  /** Texts, numbers, objects, arrays and so on, keys not counted. */
  values: number
}

/** Which limit a JSON text exceeds first. Linear; of a text that is no JSON it may say anything. */
export const jsonExcess = (json: string, { depth, values }: JsonLimits): keyof JsonLimits | undefined => {
  let deep = 0
  let found = 1
  let inString = false
  for (let place = 0; place < json.length; place++) {
    const unit = json.charCodeAt(place)
    if (inString) {
      if (unit === 0x5c) place++
      else if (unit === 0x22) inString = false
      continue
    }
    if (unit === 0x22) inString = true
    else if (unit === 0x5b || unit === 0x7b) {
      if (++deep > depth) return 'depth'
      found++
    } else if (unit === 0x5d || unit === 0x7d) {
      deep--
      // Nothing is in `[]` and `{}`.
      const before = json.charCodeAt(place - 1)
      if (before === 0x5b || before === 0x7b) found--
    }
    // A comma has a value behind it, as what opens an object or an array has.
    else if (unit === 0x2c) found++
    if (found > values) return 'values'
  }
  return undefined
}

/** Whether a JSON text has objects or arrays nested deeper than `limit`. Linear; a text that is no JSON gives either. */
export const isJsonDeeperThan = (json: string, limit: number = maxJsonDepth): boolean =>
  jsonExcess(json, { depth: limit, values: Infinity }) !== undefined

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
