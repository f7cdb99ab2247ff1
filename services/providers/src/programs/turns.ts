/** A program keeps one conversation in a session, so its turns come one after the other. */
import { createKeyedMutex } from '@clawmesh/chassis'
import { cancelledBy } from '../chat/protocols/failure.ts'

const turns = createKeyedMutex()

/**
 * Resolves when a session is free.
 * @returns leaves it
 * @throws UpstreamFailure cancelled, without waiting any longer, where the signal fires before
 */
export const inTurn = (sessionId: string, signal?: AbortSignal): Promise<() => void> =>
  new Promise((begin, refuse) => {
    const cancel = () => refuse(cancelledBy(signal!))
    if (signal?.aborted) return cancel()
    signal?.addEventListener('abort', cancel, { once: true })
    void turns(sessionId, async () => {
      signal?.removeEventListener('abort', cancel)
      if (!signal?.aborted) await new Promise<void>((leave) => begin(leave))
    })
  })
