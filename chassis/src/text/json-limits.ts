/** How deep JSON is nested, and of how many values it is made. Functions that walk a value call themselves; a value nested deep enough overflows the stack. */

/** Deeper nesting is no request, tool call or schema of anybody's; every walk of a value can bear it. */
export const maxJsonDepth = 100

/** What a JSON text may be made of. */
export interface JsonLimits {
  depth: number
  /** Texts, numbers, objects, arrays and so on, keys not counted. */
  values: number
  /** Keys of all its objects: each is remembered when the text is parsed, which takes longer than its value. */
  keys?: number
}

const quote = 0x22
const backslash = 0x5c

/** Where a text that begins at `from` ends: the place of the quote that no backslash takes away. */
const stringEnd = (json: string, from: number): number => {
  // The search for a quote is many times faster than a look at each character.
  for (let place = json.indexOf('"', from); place >= 0; place = json.indexOf('"', place + 1)) {
    let before = place
    while (before > from && json.charCodeAt(before - 1) === backslash) before--
    if ((place - before) % 2 === 0) return place
  }
  return json.length
}

/** Looks through a JSON text until it exceeds a limit: which, and how many values there are up to there. */
const measured = (json: string, { depth, values, keys = Infinity }: JsonLimits) => {
  let deep = 0
  let found = 1
  let named = 0
  const exceeds = (excess: keyof JsonLimits) => ({ excess, values: found })
  for (let place = 0; place < json.length; place++) {
    const unit = json.charCodeAt(place)
    if (unit === quote) place = stringEnd(json, place + 1)
    else if (unit === 0x5b || unit === 0x7b) {
      if (++deep > depth) return exceeds('depth')
      // Nothing is in `[]` and `{}`.
      const next = json.charCodeAt(place + 1)
      if (next !== 0x5d && next !== 0x7d) found++
    } else if (unit === 0x5d || unit === 0x7d) deep--
    // A comma has a value behind it, as what opens an object or an array has.
    else if (unit === 0x2c) found++
    else if (unit === 0x3a && ++named > keys) return exceeds('keys')
    if (found > values) return exceeds('values')
  }
  return { excess: undefined, values: found }
}

/** Which limit a JSON text exceeds first. Linear; of a text that is no JSON it may say anything. */
export const jsonExcess = <L extends JsonLimits>(json: string, limits: L): (keyof L & keyof JsonLimits) | undefined =>
  measured(json, limits).excess

/** Of how many values a JSON text is made, as `jsonExcess` counts them; of one with more than `most`, one more than that. */
export const jsonValues = (json: string, most: number): number =>
  measured(json, { depth: Infinity, values: most }).values

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
