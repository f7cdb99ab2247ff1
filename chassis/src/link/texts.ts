/** Texts that come again and again, such as identity tokens and paths of methods: sent once, named by a number from then on. */
import type { Text } from './codec.ts'
import { maxTextBytes, maxTexts } from './limits.ts'

/**
 * The number of a text; `remember` sends one that is new. The one that was not used for longest makes way for it, so what a
 * call names never replaces what it has just named. @throws Error for a long one
 */
export const createTextSlots = (remember: (text: Text) => void): ((text: string) => number) => {
  const slots = new Map<string, number>()
  return (text) => {
    const known = slots.get(text)
    if (known !== undefined) {
      slots.delete(text)
      slots.set(text, known)
      return known
    }
    if (Buffer.byteLength(text) > maxTextBytes) throw new Error('a text is too long to be remembered')
    let slot = slots.size + 1
    if (slot > maxTexts) {
      const [unused, its] = slots.entries().next().value!
      slots.delete(unused)
      slot = its
    }
    slots.set(text, slot)
    remember({ slot, text })
    return slot
  }
}

export interface RememberedTexts {
  /** @throws Error for what no sender may send */
  set: (text: Text) => void
  /** @throws Error for a slot that holds nothing */
  get: (slot: number) => string
}

/** The other end's texts. */
export const rememberTexts = (): RememberedTexts => {
  const texts: string[] = []
  return {
    set: ({ slot, text }) => {
      // The next one or one that is there, so that nothing can be far apart.
      if (slot < 1 || slot > maxTexts || slot > texts.length + 1) throw new Error('there is no such slot')
      if (Buffer.byteLength(text) > maxTextBytes) throw new Error('a text is too long')
      texts[slot - 1] = text
    },
    get: (slot) => {
      const text = texts[slot - 1]
      if (text === undefined) throw new Error('nothing was remembered there')
      return text
    },
  }
}
