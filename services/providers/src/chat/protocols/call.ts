/** One model call over the network: tries, pauses, timeouts, and the stream of its events. */
import type { ChatRequest, ChatResponse } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { pacedWork } from '@clawmesh/chassis'
import { resolveModel, resolveTarget, type ProviderConnection, type Target } from '../../providers/connection.ts'
import { effortToSend } from '../reasoning.ts'
import { createAnswerReader } from './answer-reader.ts'
import { awaitAnswer, delayBeforeRetry, pauseFor } from './attempt.ts'
import { openExchange } from './exchange.ts'
import { safeReason, toProviderError, UpstreamFailure } from './failure.ts'
import { fetcherOf, retryOf, timeoutsOf, type CallOptions } from './options.ts'
import { checkSampling } from './sampling.ts'
import type { Answer, ChatCall, Protocol } from './protocol.ts'

/** Bytes of an answer that are read before everybody else has a turn: upstream may send megabytes at once. */
const readAtOnce = 131_072

const settle = (target: Target, request: ChatRequest): ChatCall => {
  checkSampling(request.sampling, request.tools)
  const model = resolveModel(target, request.model)
  return {
    ...request,
    model,
    options: {
      maxTokens: Math.max(0, request.options?.maxTokens ?? 0),
      temperature: request.options?.temperature,
      reasoningEffort: effortToSend(model, request.options?.reasoningEffort ?? '') ?? '',
      cacheTtl: request.options?.cacheTtl,
    },
  }
}

const done = (target: Target, call: ChatCall, answer: Answer): ChatResponse => ({
  event: {
    $case: 'done',
    value: { ...answer, provider: target.connection.name, model: answer.model || call.model },
  },
})

/** The limit that a refusal of max_tokens names, undefined for any other failure. */
const namedTokenLimit = (failure: unknown): number | undefined => {
  if (!(failure instanceof UpstreamFailure) || failure.detail.status !== 400) return undefined
  const limit = /supports at most (\d{1,9}) completion tokens/.exec(failure.message)?.[1]
  return limit === undefined ? undefined : Number(limit)
}

/**
 * Makes one call over `protocol`. Events come as upstream sends them, then one `done`; a request that is not streamed gives
 * `done` alone. Failures before anything of the answer was delivered are tried again, each announced by `retrying`
 * (whose `attempt` is the try that failed, from 1); later ones end the call.
 *
 * Leaving the loop, or aborting `options.signal`, closes the upstream request at once. To end a call whose next event is
 * being waited for, use the signal: a generator cannot be left before its pending step is done.
 * @throws MeshError FAILED_PRECONDITION (key refused), INVALID_REQUEST, NOT_FOUND (model), RESOURCE_EXHAUSTED,
 * UNAVAILABLE, AGENT_TIMEOUT, CANCELLED
 */
export async function* callProtocol(
  protocol: Protocol,
  connection: ProviderConnection,
  request: ChatRequest,
  options: CallOptions,
): AsyncGenerator<ChatResponse, void, void> {
  const target = resolveTarget(connection, { inContainer: options.inContainer })
  const policy = retryOf(options)
  const timeouts = timeoutsOf(options)
  let call = settle(target, request)
  let tokensLimited = false
  let delivered = false
  const pace = pacedWork(connection.id ?? connection.name, readAtOnce)

  for (let attempt = 1; ; attempt++) {
    const events: ChatResponse[] = []
    const decoder = protocol.decoder(target, call, request.stream ? (event) => events.push(event) : () => undefined)
    const reader = createAnswerReader(decoder, options.answerLimitBytes)
    const upstream = protocol.request(target, call)
    const exchange = openExchange(fetcherOf(options, target), upstream, {
      signal: options.signal,
      connectMs: timeouts.connectMs,
      answerMs: upstream.streams ? timeouts.firstTokenMs : timeouts.wholeMs,
    })
    let failure: unknown
    try {
      await awaitAnswer(exchange)
      let started = false
      let complete = false
      while (!complete) {
        const piece = await exchange.read()
        if (!piece) break
        try {
          complete = await pace(piece.length, () => reader.feed(piece))
        } catch (error) {
          failure = error
        }
        if (upstream.streams && !started && reader.started()) {
          started = true
          exchange.expectPieces(timeouts.idleMs)
        }
        // What came before a bad event is delivered, wherever the borders between pieces were.
        for (const event of events) {
          delivered = true
          yield event
        }
        events.length = 0
        if (failure) break
      }
      if (!failure) {
        const answer = await pace(reader.wholeLength(), () => reader.end())
        exchange.finish()
        yield* events
        yield done(target, call, answer)
        return
      }
    } catch (error) {
      failure = error
    } finally {
      exchange.close()
    }

    const limit = namedTokenLimit(failure)
    if (limit !== undefined && !tokensLimited && call.options.maxTokens > limit) {
      tokensLimited = true
      call = { ...call, options: { ...call.options, maxTokens: limit } }
      attempt--
      continue
    }
    const secrets = [target.key]
    const delayMs = delivered ? undefined : await delayBeforeRetry(failure, attempt, policy, options.takesOver)
    if (delayMs === undefined) throw toProviderError(failure, connection.name, secrets)
    const reason = safeReason(failure instanceof Error ? failure.message : '', secrets)
    yield { event: { $case: 'retrying', value: { attempt, maxAttempts: policy.attempts, delayMs, reason } } }
    try {
      await pauseFor(delayMs, options.signal)
    } catch (error) {
      throw toProviderError(error, connection.name, secrets)
    }
  }
}
