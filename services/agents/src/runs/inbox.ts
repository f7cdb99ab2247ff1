/** What is said to a run while it is on: stored at once, and shown to the model between two of its calls. */
import type { NewMessage } from '../sessions/types.ts'

const capacity = 5

export interface Inbox {
  /** Stores a message and keeps it for the model. False when the run takes no more: too many wait, or it ends. */
  put: (content: string) => Promise<boolean>
  /** What has come since, in order. */
  take: () => Promise<NewMessage[]>
  /** The same; where nothing has come, the run ends and takes no more. */
  takeOrClose: () => Promise<NewMessage[]>
  /** Takes no more. */
  close: () => void
}

/** @param store stores a message in the run's session; false when the run is no longer ours */
export const createInbox = (store: (message: NewMessage) => Promise<boolean>): Inbox => {
  let waiting: { message: NewMessage; stored: Promise<boolean> }[] = []
  let isOpen = true

  const take = async (): Promise<NewMessage[]> => {
    const taken = waiting
    waiting = []
    const stored = await Promise.all(taken.map((each) => each.stored.catch(() => false)))
    return taken.filter((_, index) => stored[index]).map(({ message }) => message)
  }

  return {
    put: async (content) => {
      if (!isOpen || waiting.length >= capacity) return false
      const message: NewMessage = { role: 'user', content }
      const stored = store(message)
      waiting.push({ message, stored })
      return stored
    },
    take,
    takeOrClose: async () => {
      for (;;) {
        if (waiting.length === 0) {
          isOpen = false
          return []
        }
        const taken = await take()
        if (taken.length > 0) return taken
      }
    },
    close: () => {
      isOpen = false
    },
  }
}
