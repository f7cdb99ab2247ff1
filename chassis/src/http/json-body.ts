/** Reads a JSON request body and refuses what could hurt later: size, depth, number of values, encoding, prototype keys. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { MeshError } from '@clawmesh/contracts'
import { workTurn } from '../async/work-turns.ts'
import { jsonExcess, maxJsonDepth } from '../text/json-limits.ts'
import { notePassing } from './passing-bytes.ts'

/**
 * Values of one body: a megabyte of nothing but `{}` takes seconds to be read and checked, a megabyte of conversation has
 * a few thousand.
 */
export const maxJsonValues = 20_000
const limits = { depth: maxJsonDepth, values: maxJsonValues }
const excess = { depth: 'nested too deep', values: 'too many values' }
/** Bodies from this size on are read one at a time. */
const largeBytes = 32_768

const decoder = new TextDecoder('utf-8', { fatal: true })

const invalid = (reason: string, cause?: unknown) =>
  new MeshError('INVALID_REQUEST', 'error.invalid_json', { reason }, { cause })

/** What an escape sequence can smuggle in: a prototype key, a NUL, half a surrogate pair. None can be stored. */
const hidden = (value: unknown): string | undefined => {
  if (typeof value === 'string')
    return value.includes('\0')
      ? 'contains a NUL character'
      : value.isWellFormed()
        ? undefined
        : 'contains half a character'
  if (typeof value !== 'object' || value === null) return undefined
  for (const [key, inner] of Object.entries(value)) {
    const found = key === '__proto__' ? 'key __proto__' : (hidden(key) ?? hidden(inner))
    if (found !== undefined) return found
  }
  return undefined
}

/** Parses a JSON text under the rules above. @throws INVALID_REQUEST */
export const parseJson = (bytes: Uint8Array): unknown => {
  let text: string
  try {
    text = decoder.decode(bytes)
  } catch (cause) {
    throw invalid('not valid UTF-8', cause)
  }
  const exceeded = jsonExcess(text, limits)
  if (exceeded !== undefined)
    throw new MeshError('INVALID_REQUEST', 'error.invalid_json', { reason: excess[exceeded], limit: limits[exceeded] })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw invalid('cannot be parsed', cause)
  }
  // Anything hidden is spelt with an escape, so plain texts skip the walk.
  const found = text.includes('__proto__') || text.includes('\\u') ? hidden(value) : undefined
  if (found !== undefined) throw invalid(found)
  return value
}

const tooLarge = (limitBytes: number) =>
  new MeshError('PAYLOAD_TOO_LARGE', 'error.body_too_large', { limit: limitBytes })

/** @throws PAYLOAD_TOO_LARGE for a body that says it is over a limit */
export const checkLength = (headers: IncomingHttpHeaders, limitBytes: number): void => {
  if (Number(headers['content-length'] ?? 0) > limitBytes) throw tooLarge(limitBytes)
}

/** Puts a body together from its pieces. */
export const createBodyCollector = (limitBytes: number) => {
  const chunks: Buffer[] = []
  let size = 0
  return {
    /** Takes in a piece; the error when that is more than the limit. */
    add: (chunk: Buffer): MeshError | undefined => {
      size += chunk.length
      if (size > limitBytes) return tooLarge(limitBytes)
      chunks.push(chunk)
      return undefined
    },
    whole: (): Buffer => (chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)),
  }
}

/** Reads the whole body of a request. @throws PAYLOAD_TOO_LARGE, CANCELLED when its client leaves before its end */
export const readBody = async (request: IncomingMessage, limitBytes: number): Promise<Buffer> => {
  checkLength(request.headers, limitBytes)
  return new Promise<Buffer>((resolve, reject) => {
    const { add, whole } = createBodyCollector(limitBytes)
    request.on('data', (chunk: Buffer) => {
      const fault = add(chunk)
      if (fault === undefined) return
      request.removeAllListeners('data').pause()
      reject(fault)
    })
    request.on('end', () => resolve(whole()))
    request.on('error', reject)
    request.on('close', () => {
      if (!request.complete) reject(new MeshError('CANCELLED', 'error.cancelled'))
    })
  })
}

/** Passes pieces on until they are more than the limit. @throws PAYLOAD_TOO_LARGE */
export const withinLimit = async function* (pieces: AsyncIterable<Buffer>, limitBytes: number): AsyncGenerator<Buffer> {
  let size = 0
  for await (const piece of pieces) {
    size += piece.length
    if (size > limitBytes) throw tooLarge(limitBytes)
    notePassing(piece)
    yield piece
  }
}

/** The body of a request as it comes. @throws as `readBody` */
export const bodyPieces = async function* (request: IncomingMessage, limitBytes: number): AsyncGenerator<Buffer> {
  checkLength(request.headers, limitBytes)
  // The answer to a body that was not read to its end is still to be sent.
  const pieces = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
  try {
    yield* withinLimit(pieces, limitBytes)
  } catch (thrown) {
    throw request.complete || thrown instanceof MeshError
      ? thrown
      : new MeshError('CANCELLED', 'error.cancelled', {}, { cause: thrown })
  }
}

/** A tenant's body as JSON; undefined when there is none. @throws INVALID_REQUEST */
export const parseBody = async (bytes: Buffer, tenantId: string): Promise<unknown> => {
  if (bytes.length === 0) return undefined
  return bytes.length < largeBytes ? parseJson(bytes) : workTurn(tenantId, () => parseJson(bytes))
}
