/** Arguments of earlier tool calls as clients send them back: a JSON text. */
import { isJsonDeeperThan } from '@clawmesh/chassis'
import type { StoredToolCall } from '../sessions/types.ts'

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const parsed = (text: string): unknown => {
  try {
    return isJsonDeeperThan(text) ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A call as it is stored. Arguments that are no JSON object, as a model may have written them, become `{}`. */
export const storedCall = (id: string, name: string, argumentsText: string): StoredToolCall => {
  const value = parsed(argumentsText)
  return isObject(value)
    ? { id, name, arguments: value }
    : { id, name, arguments: {}, ...(argumentsText.trim() === '' ? {} : { parseError: 'not a JSON object' }) }
}
