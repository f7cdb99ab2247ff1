import type { Call } from '@clawmesh/chassis'

/** A call that goes on when its requester has left: what it loads is kept for others. */
export const detached = (call: Call): Call => ({ ...call, signal: new AbortController().signal })
