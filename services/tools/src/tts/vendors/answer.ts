/** What vendors of speech answer over HTTP, and why they do not. */
import { guardedFetch, type GuardedFetchOptions, type GuardedResponse } from '@clawmesh/chassis/fetch'
import { mostAudioBytes, SpeechFailure, type Outward } from '../types.ts'

const reasons: Readonly<Record<number, string>> = {
  400: 'the request is refused',
  401: 'the key is refused',
  403: 'the key is refused',
  404: 'there is no such voice, model or address',
  422: 'the request is refused',
  429: 'it was asked too often',
}

/** Posts JSON to a vendor, whose key goes to nobody else. @throws SpeechFailure; what the address guard throws */
export const postJson = async (
  url: URL | string,
  body: object,
  headers: NonNullable<GuardedFetchOptions['headers']>,
  out: Outward,
  maxBytes: number,
): Promise<GuardedResponse> => {
  const answer = await guardedFetch(url, {
    ...out,
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    maxBytes,
    maxRedirects: 0,
  })
  if (answer.status !== 200) throw new SpeechFailure(reasons[answer.status] ?? `it answered with HTTP ${answer.status}`)
  if (answer.truncated) throw new SpeechFailure('its answer is too large')
  return answer
}

/** The audio that a vendor answers as it is. @throws SpeechFailure for what is none */
export const audioOf = ({ headers, body }: GuardedResponse): Uint8Array => {
  const type = headers['content-type'] ?? ''
  if (!/^(?:audio\/|application\/octet-stream)/.test(type)) throw new SpeechFailure('its answer is no audio')
  if (body.length === 0) throw new SpeechFailure('its answer is empty')
  return body
}

export const maxAudioAnswer = mostAudioBytes

export const mp3 = { mimeType: 'audio/mpeg', extension: '.mp3' } as const
/** Opus in Ogg, as chat platforms want voice messages. */
export const opus = { mimeType: 'audio/ogg', extension: '.ogg' } as const

/** An address below a base, whether or not that ends with a slash. */
export const below = (base: string, path: string): string => `${base.replace(/\/$/, '')}/${path}`
