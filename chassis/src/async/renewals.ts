/**
 * Renews what all replicas share, such as a token, once over all of them: whoever claims it does the work, and the others wait
 * for what comes of it (docs/adr/0032).
 */
import { setTimeout as sleep } from 'node:timers/promises'

/** Longer than the work may take; whoever dies meanwhile holds the others up so long. */
const defaultClaimMs = 40_000
const pollMs = 100

export interface Renewal<T> {
  /** Claims the version that is to be replaced, for so long; false where somebody else has, or it is there no more. */
  claim: (forMs: number) => Promise<boolean>
  /** What is stored now. */
  find: () => Promise<T | undefined>
  /** Whether what was found is still to be renewed: else somebody else did, or it is not wanted any more. */
  isOld: (found: T) => boolean
  /** Whether the old one is good as long as somebody else renews it. */
  isUsable: boolean
  /** Does the work. It gives the claim back where it fails, and throws. */
  renew: (old: T) => Promise<T | undefined>
}

/**
 * In one process those who ask with the same key share the work.
 * @returns what is stored afterwards. It throws what the work throws, and when nobody gets done with it
 */
export const createRenewals = <T>({ claimMs = defaultClaimMs }: { claimMs?: number } = {}): ((
  key: string,
  renewal: Renewal<T>,
) => Promise<T | undefined>) => {
  const underWay = new Map<string, Promise<T | undefined>>()

  const renewHere = async ({ claim, find, isOld, isUsable, renew }: Renewal<T>): Promise<T | undefined> => {
    for (const until = Date.now() + 2 * claimMs; Date.now() < until; await sleep(pollMs)) {
      const isOurs = await claim(claimMs)
      const stored = await find()
      if (stored === undefined || !isOld(stored)) return stored
      if (isOurs) return renew(stored)
      if (isUsable) return stored
    }
    // Without the claim nothing is renewed: a token for renewing that comes twice is taken for stolen.
    throw new Error('others have been renewing it for too long')
  }

  return (key, renewal) => {
    const shared = `${key} ${renewal.isUsable}`
    const known = underWay.get(shared)
    if (known !== undefined) return known
    const begun = renewHere(renewal).finally(() => underWay.delete(shared))
    underWay.set(shared, begun)
    return begun
  }
}
