/** Requests that run once: who holds a key, and what its request was answered (docs/adr/0012). */
import type { Logger, Part } from '@clawmesh/chassis'

export interface KeyClaim {
  /** SHA-256 of who asks for what, and the key. */
  scopeHash: string
  claimId: string
  leaseMs: number
}

export type KeyState = { state: 'first' } | { state: 'running' } | { state: 'done'; answer: string }

const pruneEveryMs = 600_000

/** Deletes keys that are over, every ten minutes on every replica. */
export const createKeyPruningPart = (prune: () => Promise<number>, log: Logger): Part => {
  let timer: NodeJS.Timeout | undefined
  const once = () => void prune().catch((err: unknown) => log.warn({ err }, 'idempotency keys wait to be deleted'))
  return {
    name: 'idempotency keys',
    start: async () => {
      timer = setInterval(once, pruneEveryMs)
    },
    stop: async () => clearInterval(timer),
  }
}
