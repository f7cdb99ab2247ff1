/** Sends one message to a receiver, which may be anybody's machine. */
import { MeshError } from '@clawmesh/contracts'
import { cutText } from '@clawmesh/chassis'
import { guardedFetch } from '@clawmesh/chassis/fetch'
import { signedHeaders } from './signing.ts'
import type { Answer, Receiver } from './types.ts'

const answerBytes = 1_024
const shownCharacters = 200

export interface Message {
  /** The same at each attempt. */
  id: string
  /** A CloudEvent in JSON. */
  body: string
}

/** @throws CANCELLED when the signal fires; everything that the receiver does is an answer */
export type Send = (receiver: Receiver, message: Message, signal: AbortSignal) => Promise<Answer>

interface Options {
  /** Private hosts and ranges that may be reached. */
  allow: readonly string[]
  timeoutMs: number
}

const failure = (status: number | null, error: string, retryAfterMs = 0): Answer => ({
  delivered: false,
  status,
  error,
  retryAfterMs,
})

/** What an answer begins with, fit for one line. */
const beginning = (body: Uint8Array): string =>
  cutText(
    Buffer.from(body)
      .toString('utf8')
      .replaceAll(/[\p{Cc}\p{Cf}\uFFFD\s]+/gu, ' ')
      .trim(),
    shownCharacters,
  )

const askedMs = (header: string | undefined): number =>
  header !== undefined && /^\d{1,9}$/.test(header) ? Number(header) * 1_000 : 0

const describe = (status: number, body: Uint8Array): string => {
  const said = beginning(body)
  const what = status >= 300 && status < 400 ? `HTTP ${status}, redirects are not followed` : `HTTP ${status}`
  return said === '' ? what : `${what}: ${said}`
}

/** Why there was no answer. */
const reasonFor = ({ code, params }: MeshError, timeoutMs: number): string => {
  if (code === 'AGENT_TIMEOUT') return `no answer in ${timeoutMs / 1_000} s`
  if (code === 'INVALID_REQUEST') return `the address is not allowed: ${String(params['reason'])}`
  return 'the address cannot be reached, or broke off'
}

export const createSender =
  ({ allow, timeoutMs }: Options): Send =>
  async ({ url, secrets }, { id, body }, signal) => {
    try {
      const {
        status,
        headers,
        body: said,
      } = await guardedFetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/cloudevents+json; charset=utf-8',
          'user-agent': 'Clawmesh-Webhooks',
          ...signedHeaders(secrets, { id, body, at: new Date() }),
        },
        body,
        allow,
        signal,
        timeoutMs,
        maxBytes: answerBytes,
        followRedirects: false,
      })
      if (status >= 200 && status < 300) return { delivered: true, status, error: null, retryAfterMs: 0 }
      return failure(status, describe(status, said), askedMs(headers['retry-after']))
    } catch (thrown) {
      if (!(thrown instanceof MeshError) || thrown.code === 'CANCELLED') throw thrown
      return failure(null, reasonFor(thrown, timeoutMs))
    }
  }
