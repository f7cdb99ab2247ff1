/** Calls with one JSON answer: embeddings and lists of models. */
import { workTurn, type JsonLimits } from '@clawmesh/chassis'
import type { Target } from '../../providers/connection.ts'
import { awaitAnswer, delayBeforeRetry, pauseFor, readText } from './attempt.ts'
import { defaultAnswerLimitBytes } from './answer-reader.ts'
import { openExchange, type UpstreamRequest } from './exchange.ts'
import { cutOff, failureOfBody, toProviderError, UpstreamFailure } from './failure.ts'
import { isObject, jsonLimits, parseJson, type Json } from './json.ts'
import { isErrorBody } from './vendor-error.ts'
import { fetcherOf, retryOf, timeoutsOf, type CallOptions } from './options.ts'

/** Answers from this many characters on are parsed in turns. */
const longAnswer = 65_536

const tryOnce = async (
  target: Target,
  request: UpstreamRequest,
  options: CallOptions,
  limits: JsonLimits,
): Promise<Json> => {
  const { connectMs, wholeMs } = timeoutsOf(options)
  const exchange = openExchange(fetcherOf(options, target), request, {
    signal: options.signal,
    connectMs,
    answerMs: wholeMs,
  })
  const limitBytes = options.answerLimitBytes ?? defaultAnswerLimitBytes
  try {
    await awaitAnswer(exchange)
    const text = await readText(exchange, limitBytes)
    const parse = () => parseJson(text, limits)
    const { id, name } = target.connection
    const body = text.length < longAnswer ? parse() : await workTurn(id ?? name, parse)
    if (isErrorBody(body)) throw failureOfBody(body)
    if (!isObject(body)) throw cutOff('answer is not a JSON object')
    return body
  } finally {
    exchange.close()
  }
}

/**
 * Asks upstream for one JSON object, with the retries of any call; `read` makes a value of it and may throw
 * UpstreamFailure for an answer it cannot use; `limits` say what the answer may be made of. @throws MeshError as a chat does
 */
export const fetchJson = async <T>(
  target: Target,
  request: UpstreamRequest,
  options: CallOptions,
  read: (body: Json) => T,
  limits = jsonLimits,
): Promise<T> => {
  const policy = retryOf(options)
  for (let attempt = 1; ; attempt++) {
    try {
      return read(await tryOnce(target, request, options, limits))
    } catch (failure) {
      const delayMs = await delayBeforeRetry(failure, attempt, policy)
      const secrets = [target.key]
      if (delayMs === undefined) throw toProviderError(failure, target.connection.name, secrets)
      await pauseFor(delayMs, options.signal).catch((error: unknown) => {
        throw toProviderError(error, target.connection.name, secrets)
      })
    }
  }
}

/** The failure of an answer that is JSON but not what the protocol promises. */
export const unexpectedAnswer = (what: string): UpstreamFailure => new UpstreamFailure('failed', what)
