/**
 * Bodies that come compressed. No call asks for it, but servers and proxies compress all the same: a request without
 * Accept-Encoding takes anything (RFC 9110, section 12.5.3).
 */
import { pipeline, Readable, type Duplex } from 'node:stream'
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
} from 'node:zlib'
import { cutOff, UpstreamFailure } from './failure.ts'
import { objectOf, textOf } from './json.ts'

type ReadPiece = () => Promise<Buffer | undefined>

// Whatever of a cut body can be read is handed out: whether an answer is complete is for its protocol to say.
const zlibOptions = { finishFlush: constants.Z_SYNC_FLUSH }

const gzipMagic = Buffer.of(0x1f, 0x8b)

/** By name of the encoding and, where known, the first bytes; undefined where a body is not what its header says. */
const decoders: Record<string, (first: Buffer | undefined) => Duplex | undefined> = {
  gzip: (first) => (!first || first.subarray(0, 2).equals(gzipMagic) ? createGunzip(zlibOptions) : undefined),
  // The name means zlib's format, but some servers leave its header out.
  deflate: (first) => (!first || (first[0]! & 0x0f) === 8 ? createInflate(zlibOptions) : createInflateRaw(zlibOptions)),
  br: () => createBrotliDecompress({ finishFlush: constants.BROTLI_OPERATION_FLUSH }),
  zstd: () => createZstdDecompress(),
}
decoders['x-gzip'] = decoders['gzip']!

/** More layers than this nobody puts around a body in good faith. */
const longestChain = 3

const namesOf = (header: string | string[] | undefined): string[] =>
  [header ?? []]
    .flat()
    .flatMap((value) => value.split(','))
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '' && name !== 'identity')

/**
 * Reads a body through the decoders its `content-encoding` names; pieces come as they can be decoded, and no more is
 * read ahead than a few. `read` gives the raw pieces.
 * @throws UpstreamFailure for an encoding that is not known, and while reading for bytes that cannot be decoded
 */
export const decodedBody = (header: string | string[] | undefined, read: ReadPiece): ReadPiece => {
  const names = namesOf(header)
  if (names.length === 0) return read
  const unknown = names.find((name) => !Object.hasOwn(decoders, name))
  if (unknown !== undefined || names.length > longestChain)
    throw new UpstreamFailure('failed', `answer in an unknown content encoding ${unknown ?? names.join(', ')}`)
  let pieces: AsyncIterator<Buffer> | undefined

  const raw = async function* (first: Buffer) {
    for (let piece: Buffer | undefined = first; piece; piece = await read()) yield piece
  }
  const open = async (): Promise<AsyncIterator<Buffer> | undefined> => {
    let first = await read()
    // Two bytes say what the body is.
    while (first && first.length < 2) {
      const more = await read()
      if (!more) break
      first = Buffer.concat([first, more])
    }
    if (!first) return undefined
    const source = Readable.from(raw(first), { objectMode: false })
    // Applied in the order they are listed, so undone from the last.
    const streams = names.toReversed().flatMap((name, at) => decoders[name]!(at === 0 ? first : undefined) ?? [])
    if (streams.length === 0) return source[Symbol.asyncIterator]() as AsyncIterator<Buffer>
    // Whoever reads meets the error; the callback only keeps it from being thrown elsewhere.
    const end = pipeline([source, ...streams], () => undefined) as unknown as Readable
    return end[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  }

  return async () => {
    try {
      pieces ??= await open()
      const next = await pieces?.next()
      return next?.done === false ? next.value : undefined
    } catch (error) {
      // What the decoders fail with is told by its code; a failure of the connection stays what it is.
      const code = error instanceof UpstreamFailure ? '' : textOf(objectOf(error)?.['code'])
      throw code === '' ? error : cutOff(`answer could not be decompressed (${code})`)
    }
  }
}
