/** What comes from a program and is waited for by one reader. */

/** Items in their order until the end; a failure goes before what is not read yet. */
export const createQueue = <T>() => {
  let items: T[] = []
  let wake: (() => void) | undefined
  let isEnded = false
  let failure: unknown
  const wakeUp = () => {
    wake?.()
    wake = undefined
  }
  return {
    push: (item: T) => {
      items.push(item)
      wakeUp()
    },
    end: (thrown?: unknown) => {
      isEnded = true
      failure ??= thrown
      wakeUp()
    },
    read: async function* (): AsyncGenerator<T, void, void> {
      for (;;) {
        // All at once: taking one after the other from the front of a long list moves the rest each time.
        const taken = items
        items = []
        for (const item of taken) {
          if (failure !== undefined) throw failure as Error
          yield item
        }
        if (failure !== undefined) throw failure as Error
        if (items.length > 0) continue
        if (isEnded) return
        await new Promise<void>((resolve) => (wake = resolve))
      }
    },
  }
}
