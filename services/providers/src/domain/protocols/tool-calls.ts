/** Tool calls of a model, put together from what a stream sends of them. */
import { randomBytes } from 'node:crypto'
import type { ToolCall } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { isObject, objectOf, parseJson, textOf, type Json } from './json.ts'
import { toolCallDelta, type Emit } from './wire.ts'

const newId = (): string => `call_${randomBytes(12).toString('hex')}`

/** A finished call. Arguments that are not a JSON object become `{}`, and `parseError` says what came. */
export const finishedCall = (id: string, name: string, argumentsText: string): ToolCall => {
  const call = { id: id || newId(), name: name.trim(), argumentsJson: '{}', parseError: '' }
  const text = argumentsText.trim()
  if (text === '') return call
  try {
    const value: unknown = JSON.parse(text)
    if (isObject(value)) return { ...call, argumentsJson: text }
    return value === null ? call : { ...call, parseError: `arguments are not a JSON object: ${text.slice(0, 100)}` }
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'not JSON'
    return { ...call, parseError: `arguments are not valid JSON (${text.length} characters): ${reason}`.slice(0, 300) }
  }
}

/** Gives calls of one turn ids that differ: results are matched by them. */
export const withDistinctIds = (calls: ToolCall[]): ToolCall[] => {
  const seen = new Set<string>()
  return calls.map((call) => {
    let id = call.id
    for (let n = 2; seen.has(id); n++) id = `${call.id}_${n}`
    seen.add(id)
    return id === call.id ? call : { ...call, id }
  })
}

interface Slot {
  id: string
  name: string
  argumentsText: string
  /** The last fragment of it that was not blank. */
  tail: string
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

/** Whether a call's arguments may be complete. The tail is looked at first, so that few fragments cost a parse. */
const isWhole = ({ argumentsText, tail }: Slot): boolean =>
  tail === '' || (tail.trimEnd().endsWith('}') && isObject(parseJson(argumentsText)))

/**
 * Assembles OpenAI's tool call fragments. The protocol says: `index` on every fragment, id and name on the first. Seen
 * in the wild and handled: no index at all, index 0 for every one of several calls, id or name late, repeated or
 * missing, several fragments of a call in one delta, arguments as an object.
 * Source: OpenAI API reference, "The chat completion chunk object".
 */
export const createToolCallAssembly = (emit: Emit): ToolCallAssembly => {
  const slots: Slot[] = []
  /** The slot that an upstream index currently means. */
  const byIndex = new Map<number, Slot>()

  const open = (): Slot => {
    const slot: Slot = { id: '', name: '', argumentsText: '', tail: '', extra: undefined }
    slots.push(slot)
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
    const id = textOf(fragment['id'])
    const name = textOf(fields?.['name']).trim()
    const text = argumentsOf(fields)
    const index = fragment['index']
    const slot =
      typeof index === 'number' ? slotAt(index, id, name, text) : slotWithoutIndex(id, name, text, position, siblings)
    const newlyId = slot.id === '' ? id : ''
    const newlyName = slot.name === '' ? name : ''
    if (newlyId !== '') slot.id = newlyId
    if (newlyName !== '') slot.name = newlyName
    slot.argumentsText += text
    if (text.trim() !== '') slot.tail = text
    slot.extra ??= extraOf(fragment, fields)
    if (newlyId !== '' || newlyName !== '' || text !== '')
      emit(toolCallDelta(slots.indexOf(slot), newlyId, newlyName, text))
  }

  return {
    add(deltas) {
      for (let position = 0; position < deltas.length; position++) add(deltas[position], position, deltas.length)
    },
    finish() {
      const calls = withDistinctIds(slots.map((slot) => finishedCall(slot.id, slot.name, slot.argumentsText)))
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
