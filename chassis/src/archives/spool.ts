/** Records on their way into an archive wait in a file, as their size has to stand before them. */
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { MeshError } from '@clawmesh/contracts'
import { limits } from './limits.ts'
import type { ArchiveEntry } from './pack.ts'

export interface Scratch {
  /** A path for a file that only this process reads. */
  file: (name: string) => string
  remove: () => Promise<void>
}

/** A folder of its own for some work (0700). */
export const openScratch = async (): Promise<Scratch> => {
  const folder = await mkdtemp(join(tmpdir(), 'clawmesh-archive-'))
  return { file: (name) => join(folder, name), remove: () => rm(folder, { recursive: true, force: true }) }
}

/** Writes bytes into a new file (0600); how many there were. @throws what they throw */
export const writeToFile = async (path: string, bytes: AsyncIterable<Buffer | string>): Promise<number> => {
  const file = createWriteStream(path, { mode: 0o600, flags: 'wx' })
  await pipeline(Readable.from(bytes, { objectMode: false }), file)
  return file.bytesWritten
}

/** Lines are written in pieces of about this size. */
const pieceChars = 65_536

/** The entry of some records, and how many there are; undefined where there are none. @throws PAYLOAD_TOO_LARGE */
export const spoolRecords = async (
  scratch: Scratch,
  name: string,
  records: AsyncIterable<object>,
): Promise<(ArchiveEntry & { count: number }) | undefined> => {
  let count = 0
  const lines = async function* () {
    let held = ''
    for await (const record of records) {
      const line = JSON.stringify(record)
      // It could not be imported again.
      if (Buffer.byteLength(line) > limits.lineBytes)
        throw new MeshError('PAYLOAD_TOO_LARGE', 'error.body_too_large', { limit: limits.lineBytes })
      count++
      held += `${line}\n`
      if (held.length < pieceChars) continue
      yield held
      held = ''
    }
    if (held !== '') yield held
  }
  const path = scratch.file(crypto.randomUUID())
  const size = await writeToFile(path, lines())
  if (count === 0) return undefined
  const content = async function* () {
    yield* createReadStream(path) as AsyncIterable<Buffer>
    await rm(path)
  }
  return { name, size, content: content(), count }
}
