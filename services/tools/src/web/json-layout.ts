/** Lays out JSON for reading, in time linear in its length. */
import { isJsonDeeperThan } from '@clawmesh/chassis'

/** Indented JSON may be this many times as long as it came; deep nesting multiplies it. */
const mostTimesLonger = 4

/** About how many characters of line ends and blanks an indentation by two adds. */
const indentationOf = (json: string): number => {
  let depth = 0
  let added = 0
  let inString = false
  for (let place = 0; place < json.length; place++) {
    const unit = json.charCodeAt(place)
    if (inString) {
      if (unit === 0x5c) place++
      else if (unit === 0x22) inString = false
      continue
    }
    if (unit === 0x22) inString = true
    else if (unit === 0x5b || unit === 0x7b) added += 1 + 2 * ++depth
    else if (unit === 0x5d || unit === 0x7d) added += 1 + 2 * Math.max(0, --depth)
    else if (unit === 0x2c) added += 1 + 2 * depth
  }
  return added
}

/** The JSON indented; as it is when it is none, is nested too deep, or would become many times as long. */
export const layOutJson = (text: string): string => {
  if (isJsonDeeperThan(text) || indentationOf(text) > mostTimesLonger * text.length + 4_096) return text
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}
