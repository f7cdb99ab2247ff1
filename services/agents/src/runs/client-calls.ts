/** Calls of the client's tools in one answer of a model: named, and shown to the client as they are written. */
import type { ToolCall, ToolCallDelta } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { ClientToolCall, ToolCallPiece } from './types.ts'

const idPattern = /^call_([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})[0-9a-z]{1,3}$/

/** The id of a run's call: at most 40 letters and digits, which every vendor takes. */
const callIdOf = (runId: string, index: number): string => `call_${runId.replaceAll('-', '')}${index.toString(36)}`

/** The run that a call id names; undefined for an id that we did not give. */
export const runOfCallId = (id: string): string | undefined => idPattern.exec(id)?.slice(1).join('-')

interface Slot {
  name: string
  /** What was written of the arguments before the name was known. */
  held: string
  /** Place among the client's calls, once the client was told of it. */
  index: number | undefined
}

export interface ClientCalls {
  /** Takes a piece of any call; those of the client's tools are shown. */
  push: (delta: ToolCallDelta) => Promise<void>
  /** Whether the call at a place in the answer was shown while it was written. */
  wasShown: (place: number) => boolean
  /** The finished call at a place in the answer as the client knows it; shown now where it was not yet. */
  finish: (call: ToolCall, place: number) => Promise<ClientToolCall>
}

interface Parts {
  runId: string
  isClients: (name: string) => boolean
  show: (piece: ToolCallPiece) => Promise<void>
}

export const createClientCalls = ({ runId, isClients, show }: Parts): ClientCalls => {
  /** By place in the answer. */
  const slots = new Map<number, Slot>()
  let shown = 0

  const slotAt = (place: number): Slot => {
    const slot = slots.get(place) ?? { name: '', held: '', index: undefined }
    slots.set(place, slot)
    return slot
  }

  const announce = async (slot: Slot): Promise<number> => {
    const index = shown++
    slot.index = index
    await show({ index, id: callIdOf(runId, index), name: slot.name, argumentsDelta: '' })
    return index
  }

  return {
    push: async ({ index: place, name, argumentsDelta }) => {
      const slot = slotAt(place)
      slot.name ||= name
      if (!isClients(slot.name)) {
        if (slot.name === '') slot.held += argumentsDelta
        return
      }
      const index = slot.index ?? (await announce(slot))
      const text = slot.held + argumentsDelta
      slot.held = ''
      if (text !== '') await show({ index, id: '', name: '', argumentsDelta: text })
    },

    wasShown: (place) => slots.get(place)?.index !== undefined,

    finish: async ({ name, argumentsJson }, place) => {
      const slot = slotAt(place)
      if (slot.index === undefined) {
        slot.name = name
        const index = await announce(slot)
        await show({ index, id: '', name: '', argumentsDelta: argumentsJson })
      }
      return { id: callIdOf(runId, slot.index!), name, argumentsJson }
    },
  }
}
