/** The sections of an export, as data: what is read for each, and where in the archive it goes. */
import type { ArchivesServiceService } from '@clawmesh/contracts/gen/clawmesh/memory/v1/archives.ts'
import type { WorkspacesServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/workspaces.ts'
import { archiveSections } from '@clawmesh/contracts'
import type { Call, RpcFunctions } from '@clawmesh/chassis'
import type { Agent } from '../agents/types.ts'
import { spoolRecords, type ArchiveEntry, type Report, type Scratch } from '@clawmesh/chassis/archives'
import { contextFileOf, documentsOf, entryName, globalDocuments, userRecord } from './layout.ts'
import type { ArchiveRows } from './rows.ts'

export type Section = (typeof archiveSections)[number]

/** Sections named between commas, in their order; names that are unknown are passed over. */
export const sectionsNamed = (names: string, ifNone: readonly Section[]): Section[] => {
  const wanted = new Set(names.split(',').map((name) => name.trim()))
  const known = archiveSections.filter((section) => wanted.has(section))
  return names.trim() === '' ? [...ifNone] : known
}

export interface Sources {
  rowsOf: (tenantId: string) => ArchiveRows
  memory: Pick<RpcFunctions<typeof ArchivesServiceService>, 'countMemory' | 'readDocuments' | 'readGraph'>
  workspaces: Pick<RpcFunctions<typeof WorkspacesServiceService>, 'countFiles' | 'readFiles'>
}

export interface ExportWork {
  call: Call
  agent: Agent
  scratch: Scratch
  sources: Sources
  report: Report
}

/** What a part of an archive had: numbers by their names in the manifest. */
type Counts = Record<string, number>
/** Gives the entries of a part one by one; its counts once they are all read. */
type ReadPart = (work: ExportWork) => AsyncGenerator<ArchiveEntry, Counts>
/** The same of a whole section: what the manifest says of it. */
type ReadSection = (work: ExportWork) => AsyncGenerator<ArchiveEntry, Record<string, Counts>>

const sum = (counts: Counts): number =>
  Object.entries(counts).reduce(
    (total, [name, count]) => (name === 'total_bytes' || name === 'users' ? total : total + count),
    0,
  )

/** Tells of a part as it begins and ends. */
const inPhase = async function* (
  { report }: Pick<ExportWork, 'report'>,
  phase: string,
  entries: AsyncGenerator<ArchiveEntry, Counts>,
): AsyncGenerator<ArchiveEntry, Counts> {
  await report({ phase, status: 'running' })
  const counts = yield* entries
  await report({ phase, status: 'done', current: sum(counts) })
  return counts
}

/** A section that is one phase. */
const ofOnePhase = (name: string, read: ReadPart): ReadSection =>
  async function* (work) {
    return { [name]: yield* inPhase(work, name, read(work)) }
  }

const single = async function* (bytes: Buffer) {
  yield bytes
}
export const textEntry = (name: string, text: string, pax?: Record<string, string>): ArchiveEntry => {
  const bytes = Buffer.from(text)
  return { name, size: bytes.length, content: single(bytes), ...(pax === undefined ? {} : { pax }) }
}

const userPax = (userId: string): Record<string, string> | undefined =>
  entryName(userId) === userId ? undefined : { [userRecord]: userId }

/** An iterator that is ended with its block. */
const closing = <T>(all: AsyncIterable<T>) => {
  const source = all[Symbol.asyncIterator]()
  return { next: () => source.next(), [Symbol.asyncDispose]: async () => void (await source.return?.()) }
}

/** Records that follow one another of the same user, by user. Each group is to be read before the next. */
const byUser = async function* <T extends { userId: string }>(all: AsyncIterable<T>) {
  await using source = closing(all)
  let step = await source.next()
  while (!step.done) {
    const { userId } = step.value
    const own = async function* () {
      while (!step.done && step.value.userId === userId) {
        yield step.value
        step = await source.next()
      }
    }
    yield { userId, records: own() }
  }
}

const mapped = async function* <T, R>(all: AsyncIterable<T>, to: (value: T) => R): AsyncGenerator<R> {
  for await (const value of all) yield to(value)
}

/** A part of one entry with records. */
const recordSection = (name: string, read: (rows: ArchiveRows, agentId: string) => AsyncIterable<object>): ReadPart =>
  async function* ({ call, agent, scratch, sources }) {
    const rows = sources.rowsOf(call.caller.tenantId)
    const entry = await spoolRecords(scratch, name, read(rows, agent.id))
    if (entry !== undefined) yield entry
    return { count: entry?.count ?? 0 }
  }

const agentFiles: ReadPart = async function* ({ call, agent, sources }) {
  let count = 0
  for await (const { name, content } of sources.rowsOf(call.caller.tenantId).contextFiles(agent.id, 'agent')) {
    count++
    yield textEntry(contextFileOf('', name), content)
  }
  return { count }
}

const userFiles: ReadPart = async function* ({ call, agent, sources }) {
  const users = new Set<string>()
  let count = 0
  for await (const { userId, name, content } of sources.rowsOf(call.caller.tenantId).contextFiles(agent.id, 'users')) {
    count++
    users.add(userId)
    yield textEntry(contextFileOf(userId, name), content, userPax(userId))
  }
  return { count, users: users.size }
}

const contextFiles: ReadSection = async function* (work) {
  return {
    context_files: yield* inPhase(work, 'context_files', agentFiles(work)),
    user_context_files: yield* inPhase(work, 'user_context_files', userFiles(work)),
  }
}

const memory: ReadPart = async function* ({ call, agent, scratch, sources }) {
  const counts = { global: 0, per_user: 0 }
  const documents = mapped(sources.memory.readDocuments(call, { agentId: agent.id }), ({ document }) => document!)
  for await (const { userId, records } of byUser(documents)) {
    const lines = mapped(records, ({ path, content }) => ({
      path,
      content,
      ...(userId === '' ? {} : { user_id: userId }),
    }))
    const entry = await spoolRecords(scratch, userId === '' ? globalDocuments : documentsOf(userId), lines)
    if (entry === undefined) continue
    counts[userId === '' ? 'global' : 'per_user'] += entry.count
    yield entry
  }
  return counts
}

const knowledgeGraph: ReadSection = async function* (work) {
  const { call, agent, scratch, sources } = work
  await using source = closing(sources.memory.readGraph(call, { agentId: agent.id }))
  let step = await source.next()
  const entities = async function* () {
    for (; !step.done && step.value.part?.$case === 'entity'; step = await source.next()) {
      const { propertiesJson, userId, externalId, entityType, ...plain } = step.value.part.value
      yield {
        ...plain,
        user_id: userId,
        external_id: externalId,
        entity_type: entityType,
        properties: JSON.parse(propertiesJson) as unknown,
      }
    }
  }
  const relations = async function* () {
    for (; !step.done && step.value.part?.$case === 'relation'; step = await source.next()) {
      const { propertiesJson, userId, sourceExternalId, targetExternalId, relationType, confidence } =
        step.value.part.value
      yield {
        source_external_id: sourceExternalId,
        target_external_id: targetExternalId,
        user_id: userId,
        relation_type: relationType,
        confidence,
        properties: JSON.parse(propertiesJson) as unknown,
      }
    }
  }
  const spooled = async function* (name: string, records: AsyncIterable<object>): AsyncGenerator<ArchiveEntry, Counts> {
    const entry = await spoolRecords(scratch, `knowledge_graph/${name}.jsonl`, records)
    if (entry !== undefined) yield entry
    return { [name]: entry?.count ?? 0 }
  }
  return {
    knowledge_graph: {
      ...(yield* inPhase(work, 'knowledge_graph_entities', spooled('entities', entities()))),
      ...(yield* inPhase(work, 'knowledge_graph_relations', spooled('relations', relations()))),
    },
  }
}

const sessions: ReadPart = async function* ({ call, agent, scratch, sources }) {
  const counts = { count: 0, messages: 0 }
  const lines = mapped(sources.rowsOf(call.caller.tenantId).sessions(agent.id), (line) => {
    counts['session' in line ? 'count' : 'messages']++
    return line
  })
  const entry = await spoolRecords(scratch, 'sessions/sessions.jsonl', lines)
  if (entry !== undefined) yield entry
  return counts
}

const grants: ReadPart = async function* (work) {
  const shares = yield* recordSection('grants/shares.jsonl', (rows, id) => rows.shares(id))(work)
  const permissions = yield* recordSection('grants/permissions.jsonl', (rows, id) => rows.permissions(id))(work)
  return { shares: shares['count']!, permissions: permissions['count']! }
}

const workspace: ReadPart = async function* ({ call, agent: { agentKey, workspace: folder }, sources }) {
  const counts = { file_count: 0, total_bytes: 0 }
  await using source = closing(sources.workspaces.readFiles(call, { owner: { agentKey, workspace: folder } }))
  let step = await source.next()
  const content = async function* () {
    for (; !step.done && step.value.part?.$case === 'data'; step = await source.next()) yield step.value.part.value
  }
  while (!step.done && step.value.part?.$case === 'head') {
    const { path, size } = step.value.part.value
    counts.file_count++
    counts.total_bytes += size
    step = await source.next()
    yield { name: `workspace/${path}`, size, content: content() }
  }
  return counts
}

/** `config` is the agent itself, which is in every archive. This installation has no overrides of users. */
export const sections: Readonly<Record<Exclude<Section, 'config'>, ReadSection>> = {
  context_files: contextFiles,
  memory: ofOnePhase('memory', memory),
  knowledge_graph: knowledgeGraph,
  sessions: ofOnePhase('sessions', sessions),
  cron: ofOnePhase(
    'cron',
    recordSection('cron/jobs.jsonl', (rows, id) => rows.cronJobs(id)),
  ),
  grants: ofOnePhase('grants', grants),
  user_profiles: ofOnePhase(
    'user_profiles',
    recordSection('user_profiles.jsonl', (rows, id) => rows.profiles(id)),
  ),
  user_overrides: ofOnePhase('user_overrides', async function* () {
    yield* []
    return { count: 0 }
  }),
  workspace: ofOnePhase('workspace', workspace),
}
