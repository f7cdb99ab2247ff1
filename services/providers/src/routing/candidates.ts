/** Those that may answer a call, in the order in which they are asked. */
import type { ModelRef, Routing } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { Call } from '@clawmesh/chassis'
import { MeshError } from '@clawmesh/contracts'
import type { FailureKind } from '../chat/protocols/failure.ts'
import { keysOf, type ProviderConnection } from '../providers/connection.ts'
import type { ProviderSelection } from '../providers/selection.ts'
import type { PoolSelection } from '../pools/select.ts'
import type { Pool } from '../pools/pool.ts'
import type { TenantChain } from './chain.ts'
import type { Cooldowns, Place, Readiness } from './cooldowns.ts'
import type { Rotation } from './rotation.ts'

/** One key of a provider, for one model. */
export interface Candidate {
  connection: ProviderConnection
  model: string
  /** Counts the keys of the provider from 1; 0 where it has one. */
  keyNumber: number
  place: Place
  /** The pool that it is asked for. */
  accountPool?: Pool
}

/** Failures that are the key's own: another key of the same provider may do better. */
const ofTheKey: ReadonlySet<FailureKind> = new Set(['rate_limit', 'quota', 'credentials'])

export const noRouting: Routing = { fallbacks: [], forbidsFallbacks: false, continuesAnswers: false, affinity: '' }

export interface CandidateParts {
  selection: Pick<ProviderSelection, 'forChat'>
  tenantChain: TenantChain
  pools: Pick<PoolSelection, 'pooled'>
  cooldowns: Cooldowns
  rotation: Rotation
}

/** The candidates of one call. The chain is read when it is first needed: mostly, the first one answers. */
export const createCandidates = (
  { selection, tenantChain, pools, cooldowns, rotation }: CandidateParts,
  call: Call,
  asked: ModelRef,
  routing: Routing,
) => {
  let waiting: Candidate[] = []
  const taken: Candidate[] = []
  const passedOver = new Set<Candidate>()
  let own: ReadonlySet<Candidate> = new Set()
  let chain: Promise<void> | undefined
  let unavailable: { ref: ModelRef; error: MeshError } | undefined

  const candidatesOf = async ({ provider, model }: ModelRef): Promise<Candidate[]> => {
    const connection = await selection.forChat(call, provider)
    const pooled = await pools.pooled(connection, routing.accountPool, routing.affinity)
    if (pooled !== undefined)
      return pooled.connections.map((account) => ({
        connection: account,
        model,
        keyNumber: 0,
        place: { providerId: account.id!, key: account.apiKey, model },
        accountPool: pooled.accountPool,
      }))
    const providerId = connection.id ?? ''
    const keys = keysOf(connection.apiKey)
    if (keys.length < 2)
      return [{ connection, model, keyNumber: 0, place: { providerId, key: connection.apiKey, model } }]
    const first = rotation(providerId, keys.length, routing.affinity)
    return keys.map((_, turn) => {
      const at = (first + turn) % keys.length
      const key = keys[at]!
      return {
        connection: { ...connection, apiKey: key },
        model,
        keyNumber: at + 1,
        place: { providerId, key, model },
      }
    })
  }

  const loadChain = async (): Promise<void> => {
    if (routing.forbidsFallbacks) return
    const refs = routing.fallbacks.length > 0 ? routing.fallbacks : await tenantChain(call)
    for (const ref of refs) {
      // A link that is switched off, or has no key, is no link.
      const found = await candidatesOf(ref).catch((thrown: unknown) => {
        if (thrown instanceof MeshError) return []
        throw thrown
      })
      waiting.push(...found.filter((candidate) => !isSame(candidate)))
    }
  }
  const isSame = ({ place: { providerId, key, model } }: Candidate): boolean =>
    [...taken, ...waiting].some(
      ({ place }) => place.providerId === providerId && place.key === key && place.model === model,
    )
  const withChain = (): Promise<void> => (chain ??= loadChain())

  const readiness = ({ place }: Candidate): Readiness => cooldowns.readiness(place)
  const helps = (kind: FailureKind | undefined, failed: Candidate) => (candidate: Candidate) =>
    kind === undefined ||
    ofTheKey.has(kind) ||
    candidate.place.providerId !== failed.place.providerId ||
    candidate.model !== failed.model

  /** The first that is not cooling down, else the first. */
  const take = (): Candidate | undefined => {
    const at = waiting.findIndex((candidate) => readiness(candidate) !== 'cooling')
    for (const cooling of waiting.slice(0, Math.max(0, at))) passedOver.add(cooling)
    const [candidate] = waiting.splice(Math.max(0, at), 1)
    if (candidate !== undefined) taken.push(candidate)
    return candidate
  }

  return {
    /** @throws what keeps the asked provider from being called, where nobody else is there */
    first: async (): Promise<Candidate> => {
      try {
        waiting = await candidatesOf(asked)
        own = new Set(waiting)
      } catch (thrown) {
        if (!(thrown instanceof MeshError) || call.signal.aborted) throw thrown
        await withChain()
        if (waiting.length === 0) throw thrown
        unavailable = { ref: asked, error: thrown }
      }
      if (waiting.every((candidate) => readiness(candidate) === 'cooling')) await withChain()
      return take()!
    },

    /** Who is asked after a failure; undefined when nobody is left. */
    next: async (kind: FailureKind | undefined, failed: Candidate): Promise<Candidate | undefined> => {
      await withChain()
      waiting = waiting.filter(helps(kind, failed))
      return take()
    },

    /** Whether somebody who is not cooling down would be asked after such a failure. */
    takesOver: async (kind: FailureKind, failed: Candidate): Promise<boolean> => {
      await withChain()
      return waiting.filter(helps(kind, failed)).some((candidate) => readiness(candidate) !== 'cooling')
    },

    /** Whether it is of the asked provider. */
    isAsked: (candidate: Candidate): boolean => own.has(candidate),

    /** Those that were passed over because they cool down. */
    passedOver: (): readonly Candidate[] => [...passedOver],

    /** The asked provider, where it could not be called at all. */
    unavailable: () => unavailable,
  }
}

export type Candidates = ReturnType<typeof createCandidates>
