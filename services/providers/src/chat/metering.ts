/**
 * Model calls under usage caps: what a call may use is reserved before it is made and settled when it ends
 * (docs/adr/0027). A call that no cap is about costs a look into a cache.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type {
  ChatDone,
  ChatRequest,
  ChatResponse,
  Usage,
} from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type {
  CappedUsage,
  SettleUsageRequest,
  TracesServiceService,
  UsageSubjects,
} from '@clawmesh/contracts/gen/clawmesh/traces/v1/traces.ts'
import {
  answeredBytes,
  capScopes,
  estimatedInputTokens,
  MeshError,
  toMeshError,
  tokensOfBytes,
  usageSubject,
} from '@clawmesh/contracts'
import {
  detached,
  isUnknownMethod,
  newId,
  type Cache,
  type Call,
  type Logger,
  type Part,
  type RpcFunctions,
} from '@clawmesh/chassis'
import { connectionType, resolveModel, type ProviderConnection } from '../providers/connection.ts'

/** What a call may answer that sets no limit. */
const defaultOutput = 8_192
/** A call within a run waits so long for what others have reserved. */
const heldPausesMs = [250, 500, 1_000, 2_000, 3_000, 3_000]
/** Its reader waits so long for the settlement; beyond that it is made behind their back. */
const settleWithinMs = 3_000
const settlePauseMs = { first: 500, most: 30_000 }

type Usages = Pick<RpcFunctions<typeof TracesServiceService>, 'listCappedUsage' | 'reserveUsage' | 'settleUsage'>

/** Caps refuse a call, or cannot be asked about it. */
export class UsageRefusal extends MeshError {
  constructor(error: MeshError) {
    super(error.code, error.key, error.params, { cause: error.cause, retryAfterMs: error.retryAfterMs })
  }
}

interface Parts {
  usages: Usages
  cache: Cache<CappedUsage[]>
  log: Logger
  /** How long a settlement is tried; by then its reservation is counted as used. */
  giveUpMs: number
  /** How long a process that leaves waits for settlements. */
  drainMs: number
}

export interface Metering {
  /**
   * Makes a call within the caps that are about it. One that no cap is about is given as it is.
   * @throws what refuses it, before it is made: QUOTA_EXHAUSTED, RESOURCE_EXHAUSTED, FAILED_PRECONDITION; UNAVAILABLE while
   * usage under hard caps cannot be reserved; what the call throws
   */
  metered: (
    call: Call,
    connection: ProviderConnection,
    request: ChatRequest,
    make: () => AsyncIterable<ChatResponse>,
  ) => Promise<AsyncIterable<ChatResponse>>
  part: Part
}

const subjectsOf = (
  { caller }: Call,
  connection: ProviderConnection,
  { model, spender }: ChatRequest,
): UsageSubjects => ({
  apiKey: caller.keyId ?? '',
  user: spender?.userId || caller.userId,
  agent: spender?.agentId ?? '',
  provider: connection.name,
  model: resolveModel({ connection, type: connectionType(connection) }, model),
})

/** Whether a cap may be about a call; one of a scope that only newer releases know is for who reserves to decide. */
const mayBeAbout = ({ scope, subject }: CappedUsage, subjects: UsageSubjects): boolean => {
  const known = capScopes.find((each) => each === scope)
  return known === undefined || usageSubject({ scope: known, subject }, subjects) !== undefined
}

const nothing: Usage = {
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheCreationTokens: 0,
  thinkingTokens: 0,
}

const isHeld = (thrown: unknown): boolean => thrown instanceof MeshError && thrown.key === 'error.usage_cap_held'
/** Refusals are the caps' own word; anything else says that nobody could be asked. */
const isRefusal = ({ code }: MeshError): boolean =>
  code === 'QUOTA_EXHAUSTED' || code === 'RESOURCE_EXHAUSTED' || code === 'FAILED_PRECONDITION'

/** What a call that broke off has used, as far as was seen: upstream was asked, and counts what it has made. */
const usedUntil = (request: ChatRequest, seenBytes: number, thrown: unknown): Usage => {
  const code = thrown === undefined ? 'CANCELLED' : toMeshError(thrown).code
  if (seenBytes === 0 && code !== 'CANCELLED' && code !== 'AGENT_TIMEOUT') return nothing
  return { ...nothing, inputTokens: estimatedInputTokens(request), outputTokens: tokensOfBytes(seenBytes) }
}

/** Of a call that has ended; what its provider does not report is guessed. */
const usedBy = (request: ChatRequest, { usage, content, thinking }: ChatDone): Usage =>
  usage !== undefined && usage.inputTokens + usage.outputTokens > 0
    ? usage
    : {
        ...nothing,
        inputTokens: estimatedInputTokens(request),
        outputTokens: tokensOfBytes(Buffer.byteLength(content) + Buffer.byteLength(thinking)),
      }

export const createMetering = ({ usages, cache, log, giveUpMs, drainMs }: Parts): Metering => {
  const settling = new Set<Promise<void>>()
  const stop = new AbortController()

  const cappedOf = async (call: Call): Promise<CappedUsage[]> => {
    const load = async () => {
      try {
        return (await usages.listCappedUsage(detached(call), {})).capped
      } catch (thrown) {
        if (isUnknownMethod(thrown)) return []
        throw thrown
      }
    }
    try {
      return (await cache.get(call.caller.tenantId, 'all', load)) ?? []
    } catch (thrown) {
      throw new UsageRefusal(toMeshError(thrown))
    }
  }

  /** Tries until it is done, or it is of no use any more. */
  const settle = async (call: Call, request: SettleUsageRequest): Promise<void> => {
    const until = Date.now() + giveUpMs
    for (let pauseMs = settlePauseMs.first; ; pauseMs = Math.min(pauseMs * 2, settlePauseMs.most)) {
      try {
        await usages.settleUsage(detached(call), request)
        return
      } catch (err) {
        const isLast = Date.now() + pauseMs > until || stop.signal.aborted
        log.warn({ err, reservation: request.reservationId, isLast }, 'what a model call used could not be settled')
        if (isLast) return
      }
      await sleep(pauseMs, undefined, { signal: stop.signal }).catch(() => undefined)
    }
  }

  const settleInTime = async (call: Call, request: SettleUsageRequest): Promise<void> => {
    const settled = settle(call, request)
    settling.add(settled)
    void settled.finally(() => settling.delete(settled))
    await Promise.race([settled, sleep(settleWithinMs, undefined, { ref: false })])
  }

  /** The id of the reservation; undefined for a call that no cap is about. */
  const reserve = async (
    call: Call,
    request: ChatRequest,
    subjects: UsageSubjects,
    isHard: boolean,
  ): Promise<string | undefined> => {
    const beginsRun = request.spender?.beginsRun ?? false
    for (let attempt = 0; ; attempt++) {
      const reservationId = newId()
      try {
        const { reserved } = await usages.reserveUsage(call, {
          reservationId,
          subjects,
          inputTokens: estimatedInputTokens(request),
          outputTokens: request.options?.maxTokens || defaultOutput,
          beginsRun,
        })
        return reserved ? reservationId : undefined
      } catch (thrown) {
        const error = toMeshError(thrown)
        const pauseMs = heldPausesMs[attempt]
        if (isHeld(error) && !beginsRun && pauseMs !== undefined) {
          await sleep(pauseMs, undefined, { signal: call.signal }).catch(() => undefined)
          if (call.signal.aborted) throw new MeshError('CANCELLED', 'error.cancelled')
          continue
        }
        if (isRefusal(error)) throw new UsageRefusal(error)
        // It may have been reserved for all that is known.
        void settleInTime(call, settlement(reservationId, subjects, undefined, nothing))
        if (isHard || error.code === 'CANCELLED') throw new UsageRefusal(error)
        log.warn({ err: error, tenant: call.caller.tenantId }, 'usage is not counted: it could not be reserved')
        return undefined
      }
    }
  }

  const metered: Metering['metered'] = async (call, connection, request, make) => {
    const capped = await cappedOf(call)
    const subjects = capped.length === 0 ? undefined : subjectsOf(call, connection, request)
    const about = subjects === undefined ? [] : capped.filter((cap) => mayBeAbout(cap, subjects))
    const isHard = about.some(({ hard }) => hard)
    const id = about.length === 0 ? undefined : await reserve(call, request, subjects!, isHard)
    return id === undefined ? make() : settledAfter(call, request, id, subjects!, make)
  }

  const settledAfter = async function* (
    call: Call,
    request: ChatRequest,
    id: string,
    subjects: UsageSubjects,
    make: () => AsyncIterable<ChatResponse>,
  ): AsyncGenerator<ChatResponse, void, void> {
    let seenBytes = 0
    let done: ChatDone | undefined
    let failure: unknown
    try {
      for await (const response of make()) {
        if (response.event?.$case === 'done') done = response.event.value
        seenBytes += answeredBytes(response)
        yield response
      }
    } catch (thrown) {
      failure = thrown
      throw thrown
    } finally {
      const used = done === undefined ? usedUntil(request, seenBytes, failure) : usedBy(request, done)
      await settleInTime(call, settlement(id, subjects, done, used))
    }
  }

  return {
    metered,
    part: {
      name: 'usage settlements',
      stop: async () => {
        const all = Promise.all(settling)
        await Promise.race([all, sleep(drainMs, undefined, { ref: false })])
        stop.abort()
        await Promise.race([all, sleep(1_000, undefined, { ref: false })])
      },
    },
  }
}

const settlement = (
  reservationId: string,
  asked: UsageSubjects,
  served: Pick<ChatDone, 'provider' | 'model'> | undefined,
  { inputTokens: input, outputTokens, cacheReadTokens, cacheCreationTokens }: Usage,
): SettleUsageRequest => ({
  reservationId,
  provider: asked.provider,
  model: asked.model,
  servedProvider: served?.provider ?? asked.provider,
  servedModel: served?.model ?? asked.model,
  inputTokens: input,
  outputTokens,
  cacheReadTokens,
  cacheCreationTokens,
})
