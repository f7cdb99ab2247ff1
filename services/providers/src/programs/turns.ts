/** A program keeps one conversation in a session, so its turns come one after the other. */
import { createKeyedMutex } from '@clawmesh/chassis'

const turns = createKeyedMutex()

/** Resolves when a session is free. @returns leaves it */
export const inTurn = (sessionId: string): Promise<() => void> =>
  new Promise((begin) => void turns(sessionId, () => new Promise<void>((leave) => begin(leave))))
