/** Makes a tar.gz of entries that come one by one. */
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { pack, type Pack } from 'tar-stream'
import { MeshError } from '@clawmesh/contracts'
import { notePassing } from '../http/passing-bytes.ts'
import { isBomb, limits } from './limits.ts'

export interface ArchiveEntry {
  name: string
  /** Of the content, in bytes. */
  size: number
  content: AsyncIterable<Buffer>
  /** Records of its extended header. */
  pax?: Record<string, string>
}

/** What would be refused where it is imported is not made. */
const tooLarge = () => new MeshError('PAYLOAD_TOO_LARGE', 'error.body_too_large', { limit: limits.bytes })

/** Writes one entry, at the pace of who reads the archive. */
const writeEntry = ({ name, size, content, pax }: ArchiveEntry, tar: Pack): Promise<void> =>
  new Promise((resolve, reject) => {
    const header = { name, size, mode: 0o600, type: 'file' as const, ...(pax === undefined ? {} : { pax }) }
    const sink = tar.entry(header, (fault) => (fault ? reject(fault) : resolve()))
    // Told by the promise, and by whoever destroys it.
    sink.on('error', () => undefined)
    const copy = async () => {
      for await (const piece of content) {
        if (sink.destroyed) return
        if (!sink.write(piece)) await Promise.race([once(sink, 'drain'), once(sink, 'close')])
      }
      sink.end(null)
    }
    copy().catch((thrown: Error) => {
      reject(thrown)
      sink.destroy()
    })
  })

/**
 * The archive of entries as it is made.
 * @throws PAYLOAD_TOO_LARGE for one that could not be imported; what the entries throw
 */
export const packArchive = async function* (entries: AsyncIterable<ArchiveEntry>): AsyncGenerator<Buffer> {
  const tar = pack()
  const gzip = createGzip()
  let fault: unknown
  let unpacked = 0
  const counted = async function* () {
    for await (const piece of tar as AsyncIterable<Buffer>) {
      unpacked += piece.length
      if (unpacked > limits.bytes) throw tooLarge()
      notePassing(piece)
      yield piece
    }
  }
  const feed = async () => {
    let count = 0
    for await (const entry of entries) {
      if (++count > limits.entries) throw tooLarge()
      await writeEntry(entry, tar)
    }
    tar.finalize()
  }
  // What is wrong is thrown below; an event of a stream that nobody listens to any more would end the process.
  for (const stream of [tar, gzip]) stream.on('error', () => undefined)
  const note = (thrown: unknown) => {
    fault ??= thrown
    tar.destroy()
    gzip.destroy()
  }
  const fed = feed().catch(note)
  const compressed = pipeline(Readable.from(counted()), gzip).catch(note)
  let packed = 0
  try {
    for await (const piece of gzip as AsyncIterable<Buffer>) {
      packed += piece.length
      if (packed > limits.bytes) throw tooLarge()
      yield piece
    }
  } catch (thrown) {
    throw fault ?? thrown
  } finally {
    tar.destroy()
    gzip.destroy()
    await Promise.all([fed, compressed])
  }
  if (fault !== undefined) throw fault as Error
  if (isBomb(packed, unpacked)) throw tooLarge()
}
