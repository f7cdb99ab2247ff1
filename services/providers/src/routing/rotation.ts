/**
 * Turns of several keys. New conversations go round; each stays with its key, where its prompt is cached.
 */

/** Conversations whose key is remembered. */
const mostConversations = 10_000

export const createRotation = () => {
  const nextOf = new Map<string, number>()
  const keyOf = new Map<string, number>()

  const next = (providerId: string, count: number): number => {
    const turn = nextOf.get(providerId) ?? 0
    nextOf.set(providerId, (turn + 1) % count)
    return turn % count
  }

  /** The place of the key to begin with among `count`; an empty affinity is a conversation of its own. */
  return (providerId: string, count: number, affinity: string): number => {
    if (count < 2) return 0
    if (affinity === '') return next(providerId, count)
    const name = `${providerId} ${affinity}`
    const turn = keyOf.get(name) ?? next(providerId, count)
    keyOf.delete(name)
    keyOf.set(name, turn)
    if (keyOf.size > mostConversations) keyOf.delete(keyOf.keys().next().value!)
    return turn % count
  }
}

export type Rotation = ReturnType<typeof createRotation>
