/** Reads an archive as it comes: refused for anything that an export does not make. */
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { extract, type Extract } from 'tar-stream'
import { MeshError } from '@clawmesh/contracts'
import type { z } from 'zod'
import { parseBody } from '../http/json-body.ts'
import { notePassing } from '../http/passing-bytes.ts'
import { isBomb, limits, refused } from './limits.ts'
import { pathNames } from './paths.ts'

/** An entry that is being read. What nobody reads of it is passed over. */
export interface UnpackedEntry {
  /** Of its path, at least one. */
  names: readonly string[]
  size: number
  /** Records of its extended header. */
  pax: Readonly<Record<string, string>>
  content: AsyncIterable<Buffer>
}

const newline = 0x0a

/** Feeds the bytes of a tar.gz to who takes it apart, within the limits. */
const unpackInto = async (tar: Extract, bytes: AsyncIterable<Buffer>): Promise<void> => {
  let packed = 0
  let unpacked = 0
  const counted = async function* () {
    for await (const piece of bytes) {
      packed += piece.length
      if (packed > limits.bytes) throw refused('too much content')
      yield piece
    }
  }
  await pipeline(Readable.from(counted()), createGunzip(), async (pieces: AsyncIterable<Buffer>) => {
    for await (const piece of pieces) {
      unpacked += piece.length
      if (unpacked > limits.bytes) throw refused('too much content')
      if (isBomb(packed, unpacked)) throw refused('compressed too well')
      notePassing(piece)
      if (tar.destroyed) return
      if (!tar.write(piece)) await Promise.race([once(tar, 'drain'), once(tar, 'close')])
    }
  })
  if (!tar.destroyed) tar.end(null)
}

/** The lines of an entry. @throws INVALID_REQUEST for one that is too long */
export const linesOf = async function* ({ content }: Pick<UnpackedEntry, 'content'>): AsyncGenerator<Buffer> {
  let held: Buffer[] = []
  let heldBytes = 0
  const take = (piece: Buffer) => {
    heldBytes += piece.length
    if (heldBytes > limits.lineBytes) throw refused('line too long')
    held.push(piece)
  }
  for await (const piece of content) {
    let from = 0
    for (let at = piece.indexOf(newline); at !== -1; at = piece.indexOf(newline, from)) {
      take(piece.subarray(from, at))
      if (heldBytes > 0) yield Buffer.concat(held)
      held = []
      heldBytes = 0
      from = at + 1
    }
    take(piece.subarray(from))
  }
  if (heldBytes > 0) yield Buffer.concat(held)
}

/** A short entry. @throws INVALID_REQUEST for a long one */
export const wholeOf = async ({ content }: Pick<UnpackedEntry, 'content'>): Promise<Buffer> => {
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of content) {
    size += piece.length
    if (size > limits.textBytes) throw refused('entry too large')
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

/**
 * A record out of its JSON. Whoever reads many takes turns with others who do.
 * @throws INVALID_REQUEST for what is none
 */
export const recordOf = async <S extends z.ZodType>(
  schema: S,
  bytes: Buffer,
  tenantId: string,
): Promise<z.output<S>> => {
  let value: unknown
  try {
    value = await parseBody(bytes, tenantId)
  } catch (cause) {
    throw refused('unreadable entry', cause)
  }
  const parsed = schema.safeParse(value)
  if (!parsed.success) throw refused('unreadable entry', parsed.error)
  return parsed.data
}

/**
 * The files of an archive in its order.
 * @throws INVALID_REQUEST for one that is refused, and what reading the bytes throws
 */
export const unpackArchive = async function* (bytes: AsyncIterable<Buffer>): AsyncGenerator<UnpackedEntry> {
  const tar = extract()
  // The iteration below throws it; before and after that nobody listens, and the event would end the process.
  tar.on('error', () => undefined)
  let source: Error | undefined
  const watched = async function* () {
    try {
      yield* bytes
    } catch (thrown) {
      source = thrown as Error
      throw thrown
    }
  }
  /** What is said of an archive that cannot be read. */
  const faultOf = (thrown: unknown): Error =>
    source ?? (thrown instanceof MeshError ? thrown : refused('no tar.gz', thrown))
  const readable = async function* (content: AsyncIterable<Buffer>) {
    try {
      yield* content
    } catch (thrown) {
      throw faultOf(thrown)
    }
  }
  const drain = async (content: AsyncIterable<Buffer>) => {
    for await (const piece of content) void piece
  }
  const unpacked = unpackInto(tar, watched()).catch((thrown: unknown) => {
    tar.destroy(thrown as Error)
  })
  let entries = 0
  try {
    for await (const entry of tar) {
      const content = entry as AsyncIterable<Buffer>
      if (++entries > limits.entries) throw refused('too many entries')
      const { name, type, size = 0, pax } = entry.header
      const names = pathNames(name)
      if (type !== 'directory') {
        if (type !== 'file' || names.length === 0) throw refused('no regular file')
        yield { names, size, pax: (pax as Record<string, string> | undefined) ?? {}, content: readable(content) }
      }
      await drain(content)
    }
  } catch (thrown) {
    throw faultOf(thrown)
  } finally {
    tar.destroy()
    await unpacked
  }
  if (entries === 0) throw refused('no tar.gz')
}
