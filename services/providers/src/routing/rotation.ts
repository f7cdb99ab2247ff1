/**
 * Turns of several keys. New conversations go round; each stays with its key, where its prompt is cached.
 */
import { LRUCache } from 'lru-cache'

/** Conversations whose key is remembered. */
const mostConversations = 10_000
/** Providers whose turn is remembered; one that is forgotten begins again with its first key. */
const mostProviders = 10_000

export const createRotation = () => {
  const nextOf = new LRUCache<string, number>({ max: mostProviders })
  const keyOf = new LRUCache<string, number>({ max: mostConversations })

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
    keyOf.set(name, turn)
    return turn % count
  }
}

export type Rotation = ReturnType<typeof createRotation>
