/** Claims on idempotency keys, which identity keeps for all gateways. */
import { setTimeout as sleep } from 'node:timers/promises'
import { newId, type Call, type Logger, type Mesh } from '@clawmesh/chassis'
import { MeshError, type Caller } from '@clawmesh/contracts'
import { IdempotencyServiceService, type KeptAnswer } from '@clawmesh/contracts/gen/clawmesh/identity/v1/idempotency.ts'

/** How long the end of a claim is tried to be told while identity is away. */
const settleLimitMs = 600_000
const firstPauseMs = 200
const longestPauseMs = 5_000

export interface Claim {
  /** Keeps the answer. Resolves when that is done or hopeless; never rejects. */
  complete: (answer: KeptAnswer) => Promise<void>
  /** Gives the key back. Resolves when that is done or hopeless; never rejects. */
  abandon: () => Promise<void>
}

type Claimed = { state: 'first'; claim: Claim } | { state: 'running' } | { state: 'done'; answer: KeptAnswer }

/** Takes a key, or says who has it. @throws UNAVAILABLE when identity does not answer */
export type ClaimKey = (caller: Caller, scopeHash: string) => Promise<Claimed>

/** Claims are renewed until they end; those of a gateway that was killed end with their lease. */
export const createKeyClaimer = (mesh: Pick<Mesh, 'client'>, leaseMs: number, log: Logger): ClaimKey => {
  const identity = mesh.client(IdempotencyServiceService)

  return async (caller, scopeHash) => {
    const claimId = newId()
    /** No client's patience decides about a claim, so each call has only the deadline of its transport. */
    const call = (): Call => ({ caller, requestId: claimId, signal: new AbortController().signal })

    const settle = async (end: () => Promise<unknown>): Promise<void> => {
      const deadline = Date.now() + settleLimitMs
      for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs))
        try {
          await end()
          break
        } catch (err) {
          if (Date.now() > deadline) {
            log.error({ err, claimId }, 'a request with an idempotency key ended, and identity could not be told')
            break
          }
          await sleep(pauseMs, undefined, { ref: false })
        }
      clearInterval(renewing)
    }

    let found
    try {
      found = await identity.claimKey(call(), { scopeHash, claimId, leaseMs })
    } catch (cause) {
      throw new MeshError('UNAVAILABLE', 'error.unavailable', { what: 'identity' }, { cause })
    }
    if (found.state === 'running') return { state: 'running' }
    if (found.answer !== undefined) return { state: 'done', answer: found.answer }

    const renewing = setInterval(() => {
      identity.renewClaim(call(), { claimId, leaseMs }).then(
        ({ held }) => {
          if (!held) log.warn({ claimId }, 'a claim on an idempotency key was lost')
        },
        (err: unknown) => log.warn({ err, claimId }, 'a claim on an idempotency key could not be renewed'),
      )
    }, leaseMs / 3).unref()
    return {
      state: 'first',
      claim: {
        complete: (answer) => settle(() => identity.completeClaim(call(), { claimId, answer })),
        abandon: () => settle(() => identity.abandonClaim(call(), { claimId })),
      },
    }
  }
}
