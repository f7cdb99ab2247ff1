/** Carries what a vendor's protocol asks: JSON, jobs that take their time, and files. */
import { setTimeout as sleep } from 'node:timers/promises'
import { guardedFetch } from '@clawmesh/chassis/fetch'
import { largestFileBytes } from '@clawmesh/contracts'
import { cancelledBy, cutOff, failureOfStatus, UpstreamFailure } from '../chat/protocols/failure.ts'
import { bodyText } from '../chat/protocols/json.ts'
import type { CallOptions } from '../chat/protocols/options.ts'
import { fetchJson } from '../chat/protocols/unary.ts'
import type { Target } from '../providers/connection.ts'
import type { VendorClient, VendorRequest } from './types.ts'

const downloadMs = 120_000
/** Of an answer as JSON, an image in it: longer ones are parsed for half a second. */
const mostAnswerBytes = 16 * 1024 * 1024

interface Outward {
  options: CallOptions
  /** Private hosts that the operator permits. */
  allow: readonly string[]
  /** Between two questions how far a job is, milliseconds. */
  pollMs: number
}

export const createVendorClient = (target: Target, { options: given, allow, pollMs }: Outward): VendorClient => {
  const options = { ...given, answerLimitBytes: mostAnswerBytes }
  const ask: VendorClient['ask'] = ({ body, ...question }: VendorRequest) =>
    fetchJson(
      target,
      { ...question, ...(body === undefined ? {} : { body: bodyText(body) }) },
      options,
      (answer) => answer,
    )

  return {
    target,
    ask,
    poll: async (question, read) => {
      for (;;) {
        const found = read(await ask(question))
        if (found !== undefined) return found
        await sleep(pollMs, undefined, { signal: options.signal }).catch((thrown: unknown) => {
          throw options.signal?.aborted ? cancelledBy(options.signal) : thrown
        })
      }
    },
    download: async (url, headers = {}) => {
      if (!URL.canParse(url)) throw cutOff('no address of what was made')
      const isOwn = new URL(url).origin === new URL(target.base).origin
      const { status, body, truncated } = await guardedFetch(url, {
        headers: isOwn ? headers : {},
        allow: [...allow],
        signal: options.signal,
        timeoutMs: downloadMs,
        maxBytes: largestFileBytes,
      })
      if (status !== 200) throw failureOfStatus(status, 'what was made could not be fetched')
      if (truncated) throw new UpstreamFailure('failed', `what was made is larger than ${largestFileBytes} bytes`)
      if (body.length === 0) throw cutOff('what was made is empty')
      return Buffer.from(body.buffer, body.byteOffset, body.length)
    },
  }
}
