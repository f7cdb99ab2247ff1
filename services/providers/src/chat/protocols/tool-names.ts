/** Tool names as vendors take them. Tools of MCP servers may be called anything, and models invent names. */
import { sha256Hex } from '@clawmesh/chassis'
import type { ToolSpec } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'

/** What stands for a call without a name. */
const unnamed = 'unnamed_tool'
const digits = 8

/**
 * A name of letters, digits, `_` and `-`, at most `limit` characters. One that has to be changed ends in 8 hex digits
 * of its SHA-256, so that names that differ stay different, in every request alike.
 */
export const wireName = (name: string, limit: number): string => {
  if (name === '') return unnamed
  if (name.length <= limit && /^[a-zA-Z0-9_-]+$/.test(name)) return name
  const digest = sha256Hex(name).slice(0, digits)
  const readable = name.slice(0, limit - digits - 1).replace(/[^a-zA-Z0-9_-]/g, '_')
  return `${readable}_${digest}`
}

/** The offered tools' own names by those they are sent under, as far as the two differ. */
export const realNames = (tools: readonly ToolSpec[], limit: number): ((wire: string) => string) => {
  const changed = new Map<string, string>()
  for (const { name } of tools) {
    const wire = wireName(name, limit)
    if (wire !== name) changed.set(wire, name)
  }
  return (wire) => changed.get(wire) ?? wire
}

/** The tools without those whose name came before: vendors refuse the whole request for one name used twice. */
export const distinctTools = (tools: readonly ToolSpec[]): ToolSpec[] => {
  const seen = new Set<string>()
  return tools.filter(({ name }) => !seen.has(name) && seen.add(name))
}
