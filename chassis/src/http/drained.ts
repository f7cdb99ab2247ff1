import type { Writable } from 'node:stream'

/** Waits until a stream takes more, or until `gone` says that nobody reads it any more. Leaves no listener behind. */
export const waitForDrain = (stream: Writable, gone: string): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done).off(gone, done)
      resolve()
    }
    stream.once('drain', done).once(gone, done)
  })
