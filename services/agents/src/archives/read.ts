/** Reads an archive as it comes: bounded everywhere, and refused whole for anything that an export does not make. */
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { extract, type Extract } from 'tar-stream'
import { MeshError } from '@clawmesh/contracts'
import { parseBody } from '@clawmesh/chassis'
import { globalDocuments, pathNames, recordEntries, userRecord } from './layout.ts'
import { isBomb, limits, refused, type Refusal } from './limits.ts'
import { records, type ArchiveItem, type RecordName, type RecordOf } from './records.ts'

/** An entry that is being read. */
type Entry = Extract extends AsyncIterable<infer E> ? E : never

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
      if (tar.destroyed) return
      if (!tar.write(piece)) await Promise.race([once(tar, 'drain'), once(tar, 'close')])
    }
  })
  if (!tar.destroyed) tar.end(null)
}

/** The lines of an entry. @throws INVALID_REQUEST for one that is too long */
const linesOf = async function* (entry: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let held: Buffer[] = []
  let heldBytes = 0
  const take = (piece: Buffer) => {
    heldBytes += piece.length
    if (heldBytes > limits.lineBytes) throw refused('line too long')
    held.push(piece)
  }
  for await (const piece of entry) {
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
const wholeOf = async (entry: Entry): Promise<Buffer> => {
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of entry as AsyncIterable<Buffer>) {
    size += piece.length
    if (size > limits.textBytes) throw refused('entry too large')
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

const textOf = async (entry: Entry): Promise<string> => {
  const bytes = await wholeOf(entry)
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    if (!text.includes('\0')) return text
  } catch (cause) {
    throw refused('unreadable entry', cause)
  }
  throw refused('unreadable entry')
}

/** Whoever reads many lines takes turns with others who do. */
const recordOf = async <K extends RecordName>(kind: K, bytes: Buffer, tenantId: string): Promise<RecordOf<K>> => {
  let value: unknown
  try {
    value = await parseBody(bytes, tenantId)
  } catch (cause) {
    throw refused('unreadable entry', cause)
  }
  const parsed = records[kind].safeParse(value)
  if (!parsed.success) throw refused('unreadable entry', parsed.error)
  return parsed.data as RecordOf<K>
}

const userOf = (entry: Entry, name: string): string => {
  const recorded = (entry.header.pax as Record<string, string> | undefined)?.[userRecord]
  const userId = recorded ?? name
  if (userId.length > 255 || userId.includes('\0')) throw refused('unreadable entry')
  return userId
}

/** What one entry holds; nothing for one of a kind that is not known here. */
const itemsOf = async function* (
  entry: Entry,
  names: readonly string[],
  tenantId: string,
): AsyncGenerator<ArchiveItem> {
  const path = names.join('/')
  const [top, second = '', third = ''] = names
  const lines = linesOf(entry as AsyncIterable<Buffer>)
  if (path === 'agent.json' || path === 'manifest.json') {
    const kind = path === 'agent.json' ? 'agent' : 'manifest'
    yield { kind, value: await recordOf(kind, await wholeOf(entry), tenantId) } as ArchiveItem
  } else if (top === 'context_files' && names.length === 2)
    yield { kind: 'contextFile', value: { userId: '', name: second, content: await textOf(entry) } }
  else if (top === 'user_context_files' && names.length === 3)
    yield { kind: 'contextFile', value: { userId: userOf(entry, second), name: third, content: await textOf(entry) } }
  else if (path === globalDocuments || (top === 'memory' && second === 'users' && names.length === 3)) {
    const userId = path === globalDocuments ? '' : userOf(entry, third.replace(/\.jsonl$/, ''))
    for await (const line of lines) {
      const value = await recordOf('document', line, tenantId)
      yield { kind: 'document', value: { user_id: userId, ...value } }
    }
  } else if (top === 'workspace' && names.length > 1) {
    const { size = 0 } = entry.header
    if (size > limits.fileBytes) throw refused('entry too large')
    if (names.some((name) => name.startsWith('.'))) return
    yield { kind: 'file', value: { path: names.slice(1).join('/'), size, content: entry as AsyncIterable<Buffer> } }
  } else if (Object.hasOwn(recordEntries, path)) {
    const kind = recordEntries[path as keyof typeof recordEntries]
    for await (const line of lines) yield { kind, value: await recordOf(kind, line, tenantId) } as ArchiveItem
  }
}

const drain = async (entry: Entry): Promise<void> => {
  for await (const piece of entry as AsyncIterable<Buffer>) void piece
}

const singles: readonly string[] = ['agent', 'manifest']

/** What is said of an archive that cannot be read. */
const faultOf = (thrown: unknown, reason: Refusal): MeshError =>
  thrown instanceof MeshError ? thrown : refused(reason, thrown)

/**
 * What an archive holds, in its order. Parts that are of no kind known here are passed over.
 * @param tenantId whose archive it is: tenants take turns with what takes time
 * @throws INVALID_REQUEST for one that is refused, and what reading the bytes throws
 */
export const readArchive = async function* (
  bytes: AsyncIterable<Buffer>,
  tenantId: string,
): AsyncGenerator<ArchiveItem> {
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
  const unpacked = unpackInto(tar, watched()).catch((thrown: unknown) => {
    tar.destroy(thrown as Error)
  })
  const seen = new Set<string>()
  let entries = 0
  try {
    for await (const entry of tar) {
      if (++entries > limits.entries) throw refused('too many entries')
      const names = pathNames(entry.header.name)
      if (entry.header.type === 'directory') {
        await drain(entry)
        continue
      }
      if (entry.header.type !== 'file' || names.length === 0) throw refused('no regular file')
      for await (const item of itemsOf(entry, names, tenantId)) {
        if (singles.includes(item.kind) && seen.has(item.kind)) throw refused('unreadable entry')
        seen.add(item.kind)
        yield item
      }
      await drain(entry)
    }
  } catch (thrown) {
    throw source ?? faultOf(thrown, 'no tar.gz')
  } finally {
    tar.destroy()
    await unpacked
  }
  if (entries === 0) throw refused('no tar.gz')
  if (!seen.has('agent')) throw refused('no description of an agent')
}
