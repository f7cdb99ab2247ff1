/** The images of a chat message: inline, or fetched from where the message says. A short request may name many large ones. */
import type { Image } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { MeshError, toMeshError } from '@clawmesh/contracts'
import { createSemaphore } from '@clawmesh/chassis'

export const imageLimits = {
  /** Images of one message. */
  count: 16,
  eachBytes: 10_485_760,
  /** Of all together; with what base64 adds they still fit into one call of the providers service. */
  sumBytes: 20_971_520,
  urlChars: 8_192,
}
const fetchedAtATime = 3
const imageTimeoutMs = 15_000

const invalidImage = (reason: string) =>
  new MeshError('INVALID_REQUEST', 'error.invalid_request', { field: 'image_url', reason })

const inlineHead = /^data:(image\/[a-z0-9.+-]{1,100});base64,/i
/** What is not allowed is looked for: a pattern that repeats over megabytes may use up V8's stack for patterns. */
const outsideBase64 = /[^A-Za-z0-9+/=\s]/

const loadInline = (url: string): Image => {
  const [head, mimeType] = inlineHead.exec(url.slice(0, 150)) ?? []
  const encoded = head === undefined ? '' : url.slice(head.length)
  if (mimeType === undefined || encoded === '' || outsideBase64.test(encoded)) throw invalidImage('not a base64 image')
  return { mimeType, data: Buffer.from(encoded, 'base64') }
}

const fetchImage = async (
  url: string,
  maxBytes: number,
  signal: AbortSignal,
  allow: readonly string[],
): Promise<Image> => {
  // Loaded when first needed: most processes never fetch an image, and the client takes memory.
  const { guardedFetch } = await import('@clawmesh/chassis/fetch')
  const { status, headers, body, truncated } = await guardedFetch(url, {
    signal,
    timeoutMs: imageTimeoutMs,
    maxBytes,
    allow: [...allow],
  })
  const mimeType = String(headers['content-type'] ?? '').split(';')[0]!
  if (status !== 200 || truncated || !mimeType.startsWith('image/'))
    throw invalidImage('no image of an allowed size there')
  return { mimeType, data: Buffer.from(body) }
}

/**
 * The images behind URLs, in their order; a few are fetched at a time, and none any more once one has failed.
 * @throws INVALID_REQUEST when there are too many, one is no image, or they are too large, each or together; what
 *   `guardedFetch` throws
 */
export const loadImages = async (
  urls: readonly string[],
  signal: AbortSignal,
  allow: readonly string[],
): Promise<Image[]> => {
  if (urls.length > imageLimits.count) throw invalidImage(`at most ${imageLimits.count} images in a message`)
  const inTurn = createSemaphore(fetchedAtATime)
  const failed = new AbortController()
  const either = AbortSignal.any([signal, failed.signal])
  let leftBytes = imageLimits.sumBytes
  const load = async (url: string): Promise<Image> => {
    failed.signal.throwIfAborted()
    if (leftBytes <= 0) throw invalidImage(`at most ${imageLimits.sumBytes} bytes of images in a message`)
    const isInline = url.startsWith('data:')
    if (!isInline && url.length > imageLimits.urlChars) throw invalidImage('the URL is too long')
    const image = isInline ? loadInline(url) : await fetchImage(url, imageLimits.eachBytes, either, allow)
    leftBytes -= image.data.length
    if (image.data.length > imageLimits.eachBytes || leftBytes < 0)
      throw invalidImage(
        `at most ${imageLimits.eachBytes} bytes in an image and ${imageLimits.sumBytes} in those of a message`,
      )
    return image
  }
  let first: Error | undefined
  const loaded = await Promise.all(
    urls.map((url) =>
      inTurn(() => load(url)).catch((thrown: unknown) => {
        first ??= toMeshError(thrown)
        failed.abort(first)
        return undefined
      }),
    ),
  )
  if (first !== undefined) throw first
  return loaded.filter((image) => image !== undefined)
}
