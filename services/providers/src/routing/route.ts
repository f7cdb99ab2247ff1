/**
 * One chat call over those that may answer it: the asked provider, the next key of it, then the chain. Where there is one
 * provider with one key, nothing is worked out before it has failed.
 */
import type {
  Attempt,
  ChatRequest,
  ChatResponse,
  Route,
  Routing,
} from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { Call } from '@clawmesh/chassis'
import { MeshError } from '@clawmesh/contracts'
import { UsageRefusal } from '../chat/metering.ts'
import { failureKindOf, type FailureKind } from '../chat/protocols/failure.ts'
import type { CallOptions } from '../chat/protocols/options.ts'
import type { ProviderConnection } from '../providers/connection.ts'
import { createCandidates, noRouting, type Candidate, type CandidateParts, type Candidates } from './candidates.ts'
import { createDelivered, type Delivered } from './continuation.ts'

type Ask = (
  call: Call,
  connection: ProviderConnection,
  request: ChatRequest,
  options: CallOptions,
) => Promise<AsyncIterable<ChatResponse>>

export interface RouterParts extends CandidateParts {
  ask: Ask
  optionsOf: (call: Call) => CallOptions
  /** Is told of calls that did not go straight. */
  onRoute: (call: Call, route: Route) => void
}

/** Whoever is asked for something wrong is not to blame, and the next one would say the same. */
const isFinal = (kind: FailureKind | undefined): boolean =>
  kind === undefined || kind === 'rejected' || kind === 'cancelled'

const reasonOf = (thrown: unknown): string => {
  if (!(thrown instanceof MeshError)) return ''
  const { reason } = thrown.params
  return typeof reason === 'string' && reason !== '' ? reason : thrown.message
}

const attemptOf = ({ connection, model, keyNumber }: Candidate, outcome: string, reason = ''): Attempt => ({
  provider: connection.name,
  model,
  key: keyNumber,
  outcome,
  reason,
})

/** What became of the others, once one has answered. */
const routeOf = (
  candidates: Candidates,
  failed: readonly Attempt[],
  served: Attempt,
  delivered: Delivered | undefined,
): Route | undefined => {
  const away = candidates.unavailable()
  const cooling = candidates.passedOver().map((candidate) => attemptOf(candidate, 'cooling'))
  const before = [
    ...(away === undefined ? [] : [{ ...away.ref, key: 0, outcome: 'unavailable', reason: reasonOf(away.error) }]),
    ...cooling,
    ...failed,
  ]
  if (before.length === 0 && served.key === 0) return undefined
  return { attempts: [...before, served], continuedAfter: [...(delivered?.breaks() ?? [])] }
}

/** What is told of the accounts of a pool as they are asked. */
const createPoolStory = () => {
  let owner = ''
  let attempted: string[] = []
  return ({ accountPool: pool, connection }: Candidate, serving = ''): ChatResponse[] => {
    if (pool === undefined) return []
    if (pool.owner !== owner) attempted = []
    owner = pool.owner
    if (serving === '') attempted.push(connection.name)
    const value = {
      poolOwnerProvider: owner,
      strategy: pool.strategy,
      poolProviders: [...pool.members],
      selectedProvider: attempted[0]!,
      servingProvider: serving,
      attemptedProviders: [...attempted],
    }
    return [{ event: { $case: 'pooled', value } }]
  }
}

const retrying = (attempt: number, reason: string): ChatResponse => ({
  event: { $case: 'retrying', value: { attempt, maxAttempts: 0, delayMs: 0, reason } },
})

export const createRouter = (parts: RouterParts) => {
  const { ask, optionsOf, cooldowns, onRoute } = parts

  const optionsFor = (
    call: Call,
    { attempts }: Routing,
    candidates: Candidates,
    candidate: Candidate,
    isProbe: boolean,
  ): CallOptions => ({
    ...optionsOf(call),
    ...(attempts === undefined ? {} : { retry: { attempts } }),
    // One try tells whether it is back; whoever asks is not to wait for more.
    ...(isProbe ? { retry: { attempts: 1 } } : {}),
    takesOver: (kind) => candidates.takesOver(kind, candidate),
  })

  /**
   * @throws what the first that was asked has failed with, when all have; what ended an answer that had begun, unless it
   * is to be continued
   */
  return async function* (call: Call, request: ChatRequest): AsyncGenerator<ChatResponse, void, void> {
    const routing = request.routing ?? noRouting
    const candidates = createCandidates(parts, call, request, routing)
    const failed: Attempt[] = []
    const delivered = request.stream ? createDelivered() : undefined
    let sent = request
    let goesOn = false
    const poolStory = createPoolStory()
    let firstFailure: unknown
    let candidate = await candidates.first()

    for (;;) {
      const { connection, model, place } = candidate
      const isProbe = cooldowns.readiness(place) === 'due'
      if (isProbe) cooldowns.probe(place)
      const options = optionsFor(call, routing, candidates, candidate, isProbe)
      let failure: unknown
      yield* poolStory(candidate)
      try {
        const answered = await ask(call, connection, { ...sent, provider: connection.name, model }, options)
        const events = goesOn && delivered !== undefined ? delivered.joined(answered) : answered
        for await (const response of events) {
          delivered?.note(response)
          if (response.event?.$case !== 'done') {
            yield response
            continue
          }
          cooldowns.served(place)
          const done = response.event.value
          const route = routeOf(candidates, failed, attemptOf({ ...candidate, model: done.model }, 'served'), delivered)
          yield* poolStory(candidate, connection.name)
          if (route !== undefined && route.attempts.length > 1) onRoute(call, route)
          yield route === undefined ? response : { event: { $case: 'done', value: { ...done, route } } }
        }
        return
      } catch (thrown) {
        failure = thrown
      }
      // Nobody was asked, and nobody is to blame.
      if (failure instanceof UsageRefusal) throw failure
      const kind = failureKindOf(failure)
      const reason = reasonOf(failure)
      firstFailure ??= failure
      if (kind !== undefined)
        cooldowns.failed(place, kind, reason, failure instanceof MeshError ? failure.retryAfterMs : undefined)
      // A fallback that cannot take the request is passed over; what the asked one refuses is the caller's to mend.
      if (call.signal.aborted || (isFinal(kind) && candidates.isAsked(candidate))) throw failure
      const hasBegun = delivered !== undefined && !delivered.isEmpty()
      if (hasBegun && !(routing.continuesAnswers && delivered.canBeContinued())) throw failure
      failed.push(attemptOf(candidate, kind ?? 'rejected', reason))
      const next = await candidates.next(kind, candidate)
      if (next === undefined) throw firstFailure
      if (hasBegun) {
        sent = { ...delivered.continued(request), spender: request.spender && { ...request.spender, beginsRun: false } }
        goesOn = true
        const { connection: with_, model: by } = next
        yield {
          event: {
            $case: 'continued',
            value: { provider: with_.name, model: by, afterChars: delivered.breaks().at(-1)! },
          },
        }
      } else yield retrying(failed.length, `${connection.name}: ${reason}`)
      candidate = next
    }
  }
}
