/** Reads an archive of an agent as it comes, and refuses it whole for anything that an export does not make. */
import {
  archiveLimits,
  linesOf,
  recordOf as readRecord,
  refusedArchive,
  unpackArchive,
  wholeOf,
  type UnpackedEntry,
} from '@clawmesh/chassis/archives'
import { globalDocuments, recordEntries, userRecord } from './layout.ts'
import { records, type ArchiveItem, type RecordName, type RecordOf } from './records.ts'

const textOf = async (entry: UnpackedEntry): Promise<string> => {
  const bytes = await wholeOf(entry)
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    if (!text.includes('\0')) return text
  } catch (cause) {
    throw refusedArchive('unreadable entry', cause)
  }
  throw refusedArchive('unreadable entry')
}

const recordOf = async <K extends RecordName>(kind: K, bytes: Buffer, tenantId: string): Promise<RecordOf<K>> =>
  (await readRecord(records[kind], bytes, tenantId)) as RecordOf<K>

const userOf = (entry: UnpackedEntry, name: string): string => {
  const recorded = entry.pax[userRecord]
  const userId = recorded ?? name
  if (userId.length > 255 || userId.includes('\0')) throw refusedArchive('unreadable entry')
  return userId
}

/** What one entry holds; nothing for one of a kind that is not known here. */
const itemsOf = async function* (entry: UnpackedEntry, tenantId: string): AsyncGenerator<ArchiveItem> {
  const { names, size, content } = entry
  const path = names.join('/')
  const [top, second = '', third = ''] = names
  const lines = linesOf(entry)
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
    if (size > archiveLimits.fileBytes) throw refusedArchive('entry too large')
    if (names.some((name) => name.startsWith('.'))) return
    yield { kind: 'file', value: { path: names.slice(1).join('/'), size, content } }
  } else if (Object.hasOwn(recordEntries, path)) {
    const kind = recordEntries[path as keyof typeof recordEntries]
    for await (const line of lines) yield { kind, value: await recordOf(kind, line, tenantId) } as ArchiveItem
  }
}

const singles: readonly string[] = ['agent', 'manifest']

/**
 * What an archive holds, in its order. Parts that are of no kind known here are passed over.
 * @param tenantId whose archive it is: tenants take turns with what takes time
 * @throws INVALID_REQUEST for one that is refused, and what reading the bytes throws
 */
export const readArchive = async function* (
  bytes: AsyncIterable<Buffer>,
  tenantId: string,
): AsyncGenerator<ArchiveItem> {
  const seen = new Set<string>()
  for await (const entry of unpackArchive(bytes))
    for await (const item of itemsOf(entry, tenantId)) {
      if (singles.includes(item.kind) && seen.has(item.kind)) throw refusedArchive('unreadable entry')
      seen.add(item.kind)
      yield item
    }
  if (!seen.has('agent')) throw refusedArchive('no description of an agent')
}
