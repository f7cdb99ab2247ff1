/** Tool calls of a model, put together from what a stream sends of them. */
import { randomBytes } from 'node:crypto'
import { jsonExcess, jsonValues } from '@clawmesh/chassis'
import type { ToolCall } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { boundedId, boundedText, bounds, createPieceJoiner, type PieceJoiner } from './bounds.ts'
import { UpstreamFailure } from './failure.ts'
import { createJsonScan, isObject, objectOf, textOf, wellFormed, type Json, type JsonScan } from './json.ts'
import { toolCallDelta, type Emit } from './protocol.ts'

const newId = (): string => `call_${randomBytes(12).toString('hex')}`

/** What no answer may hold: it can be neither stored nor sent on. @throws UpstreamFailure */
export const checkArguments = (length: number, tooDeep: boolean): void => {
  if (length > bounds.toolArguments)
    throw new UpstreamFailure('failed', `tool arguments longer than ${bounds.toolArguments} characters`)
  if (tooDeep) throw new UpstreamFailure('failed', `tool arguments nested deeper than ${bounds.nesting} levels`)
}

/** @throws UpstreamFailure when an answer holds more tool calls than are taken */
export const checkCallCount = (count: number): void => {
  if (count > bounds.toolCalls) throw new UpstreamFailure('failed', `more than ${bounds.toolCalls} tool calls`)
}

/** How the escape of half a character begins. */
const mayHoldHalf = (text: string): boolean => /\\u[dD]/.test(text) || !text.isWellFormed()

/**
 * A finished call. Arguments that are not a JSON object, or are made of more values than are taken, become `{}`, and
 * `parseError` says what came. Half characters in them become U+FFFD.
 * @throws UpstreamFailure for arguments that are too long or nested too deep
 */
export const finishedCall = (
  id: string,
  name: string,
  argumentsText: string,
  mostValues: number = bounds.toolArgumentValues,
): ToolCall => {
  const exceeded = jsonExcess(argumentsText, { depth: bounds.nesting, values: mostValues })
  checkArguments(argumentsText.length, exceeded === 'depth')
  const call = {
    id: boundedId(id) || newId(),
    name: boundedText(name.trim(), bounds.toolName),
    argumentsJson: '{}',
    parseError: '',
  }
  const text = argumentsText.trim()
  if (text === '') return call
  if (exceeded === 'values')
    return {
      ...call,
      parseError: `arguments are made of too many values: at most ${bounds.toolArgumentValues} in one answer`,
    }
  try {
    const value: unknown = JSON.parse(text)
    if (isObject(value)) return { ...call, argumentsJson: mayHoldHalf(text) ? JSON.stringify(wellFormed(value)) : text }
    return value === null ? call : { ...call, parseError: `arguments are not a JSON object: ${boundedText(text, 100)}` }
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'not JSON'
    return {
      ...call,
      parseError: boundedText(`arguments are not valid JSON (${text.length} characters): ${reason}`, 300),
    }
  }
}

/** Gives calls of one turn ids that differ: results are matched by them. */
const withDistinctIds = (calls: ToolCall[]): ToolCall[] => {
  const seen = new Set<string>()
  return calls.map((call) => {
    let id = call.id
    for (let n = 2; seen.has(id); n++) id = `${call.id}_${n}`
    seen.add(id)
    return id === call.id ? call : { ...call, id }
  })
}

/** The calls of one answer, which share what their arguments may be made of. @throws as `finishedCall` */
export const finishedCalls = (parts: readonly { id: string; name: string; argumentsText: string }[]): ToolCall[] => {
  let left: number = bounds.toolArgumentValues
  const calls = parts.map(({ id, name, argumentsText }) => {
    const call = finishedCall(id, name, argumentsText, left)
    left -= jsonValues(call.argumentsJson, left)
    return call
  })
  return withDistinctIds(calls)
}

interface Slot {
  id: string
  name: string
  argumentsText: string
  /** Nothing but blanks so far. */
  blank: boolean
  pieces: PieceJoiner
  /** Follows the arguments: whether they may be complete is asked often, and parsing them each time would add up. */
  scan: JsonScan
  /** Vendor fields of the call that are sent back with it. */
  extra: Json | undefined
}

export interface ToolCallAssembly {
  /** Takes the `tool_calls` of one delta. */
  add(deltas: readonly unknown[]): void
  /** The calls in order of their first appearance, with the vendor fields they came with. */
  finish(): { call: ToolCall; extra: Json | undefined }[]
}

const argumentsOf = (fields: Json | undefined): string => {
  const value = fields?.['arguments']
  // Some servers send the object itself.
  return isObject(value) ? JSON.stringify(value) : textOf(value)
}

/** Whether a call's arguments may be complete. */
const isWhole = ({ blank, scan }: Slot): boolean => blank || scan.closed()

/**
 * Assembles OpenAI's tool call fragments. The protocol says: `index` on every fragment, id and name on the first. Seen
 * in the wild and handled: no index at all, index 0 for every one of several calls, id or name late, repeated or
 * missing, several fragments of a call in one delta, arguments as an object. `realName` gives the offered tool's name
 * for the one it was sent under.
 * Source: OpenAI API reference, "The chat completion chunk object".
 */
export const createToolCallAssembly = (emit: Emit, realName = (name: string) => name): ToolCallAssembly => {
  const slots: Slot[] = []
  /** The slot that an upstream index currently means. */
  const byIndex = new Map<number, Slot>()

  const open = (): Slot => {
    const slot: Slot = {
      id: '',
      name: '',
      argumentsText: '',
      blank: true,
      pieces: createPieceJoiner(),
      scan: createJsonScan(),
      extra: undefined,
    }
    slots.push(slot)
    checkCallCount(slots.length)
    return slot
  }

  /** Whether a fragment that names an occupied index nevertheless starts another call. */
  const startsAnother = (slot: Slot, id: string, name: string, text: string): boolean => {
    if (name === '' || !isWhole(slot)) return false
    if (id !== '' && slot.id !== '') return id !== slot.id
    return slot.name !== '' && slot.argumentsText !== '' && (name !== slot.name || text !== '')
  }

  const slotAt = (index: number, id: string, name: string, text: string): Slot => {
    const current = byIndex.get(index)
    if (current && !startsAnother(current, id, name, text)) return current
    const slot = open()
    byIndex.set(index, slot)
    return slot
  }

  const slotWithoutIndex = (id: string, name: string, text: string, position: number, siblings: number): Slot => {
    const last = slots.at(-1)
    if (id !== '') {
      const known = slots.find((slot) => slot.id === id)
      if (known) return known
      const sameName = name === '' || name === last?.name
      const lateId = last !== undefined && last.id === '' && sameName && !startsAnother(last, id, name, text)
      return lateId ? last : open()
    }
    if (name !== '')
      return last && !startsAnother(last, id, name, text) && (last.name === '' || last.name === name) ? last : open()
    if (siblings > 1) return slots[position] ?? open()
    return last ?? open()
  }

  const add = (delta: unknown, position: number, siblings: number): void => {
    const fragment = objectOf(delta)
    if (!fragment) return
    const fields = objectOf(fragment['function'])
    const id = boundedId(textOf(fragment['id']))
    const name = realName(boundedText(textOf(fields?.['name']).trim(), bounds.toolName))
    const fresh = argumentsOf(fields)
    const index = fragment['index']
    const slot =
      typeof index === 'number' ? slotAt(index, id, name, fresh) : slotWithoutIndex(id, name, fresh, position, siblings)
    const text = slot.pieces.take(fresh)
    const newlyId = slot.id === '' ? id : ''
    const newlyName = slot.name === '' ? name : ''
    if (newlyId !== '') slot.id = newlyId
    if (newlyName !== '') slot.name = newlyName
    slot.argumentsText += text
    slot.blank &&= text.trim() === ''
    checkArguments(slot.argumentsText.length, !slot.scan.add(text))
    slot.extra ??= extraOf(fragment, fields)
    if (newlyId !== '' || newlyName !== '' || text !== '')
      emit(toolCallDelta(slots.indexOf(slot), newlyId, newlyName, text))
  }

  return {
    add(deltas) {
      for (let position = 0; position < deltas.length; position++) add(deltas[position], position, deltas.length)
    },
    finish() {
      const calls = finishedCalls(
        slots.map(({ id, name, argumentsText, pieces }) => ({
          id,
          name,
          argumentsText: argumentsText + pieces.rest(),
        })),
      )
      return calls.map((call, at) => ({ call, extra: slots[at]!.extra }))
    },
  }
}

/** Gemini's thought signature, where its documentation puts it and where older versions of its API did. */
const extraOf = (fragment: Json, fields: Json | undefined): Json | undefined => {
  const content = objectOf(fragment['extra_content'])
  const signature = textOf(fields?.['thought_signature'])
  if (!content && signature === '') return undefined
  return { ...(content ? { extra_content: content } : {}), ...(signature ? { thought_signature: signature } : {}) }
}
