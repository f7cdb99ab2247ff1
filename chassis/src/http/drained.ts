import { once } from 'node:events'
import type { Writable } from 'node:stream'

/** Waits until a stream takes more, or until `gone` says that nobody reads it any more. Leaves no listener behind. */
export const waitForDrain = async (stream: Writable, gone: string): Promise<void> => {
  const done = new AbortController()
  const { signal } = done
  try {
    await Promise.race([once(stream, 'drain', { signal }), once(stream, gone, { signal })])
  } finally {
    done.abort()
  }
}
