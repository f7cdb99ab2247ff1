/** Requests that run once: who holds a key, and what its request was answered (docs/adr/0012). */

export interface KeyClaim {
  /** SHA-256 of who asks for what, and the key. */
  scopeHash: string
  claimId: string
  leaseMs: number
}

type KeyState = { state: 'first' } | { state: 'running' } | { state: 'done'; answer: string }

/** The keys of one tenant, each held by one claim at a time. */
export interface IdempotencyRows {
  claim: (wanted: KeyClaim) => Promise<KeyState>
  /** False when somebody else holds the key by now. */
  renew: (claimId: string, leaseMs: number) => Promise<boolean>
  complete: (claimId: string, answer: string) => Promise<void>
  abandon: (claimId: string) => Promise<void>
}
