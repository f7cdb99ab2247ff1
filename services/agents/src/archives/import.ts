/** Writes what an archive holds to an agent. The archive has been read to its end before: nothing in it is wrong. */
import type { ArchivesServiceService, WriteGraphRequest } from '@clawmesh/contracts/gen/clawmesh/memory/v1/archives.ts'
import type { WorkspacesServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/workspaces.ts'
import type { Call, RpcFunctions } from '@clawmesh/chassis'
import type { Report } from '@clawmesh/chassis/archives'
import type { Agent } from '../agents/types.ts'
import { keyForAgent } from '../sessions/session-keys.ts'
import type { ArchiveItem, FileRecord, RecordOf } from './records.ts'
import type { ArchiveWriter } from './rows.ts'
import type { Section } from './sections.ts'

export interface Targets {
  writerOf: (tenantId: string) => ArchiveWriter
  memory: Pick<RpcFunctions<typeof ArchivesServiceService>, 'writeDocuments' | 'writeGraph'>
  workspaces: Pick<RpcFunctions<typeof WorkspacesServiceService>, 'writeFilePiece'>
}

/** What was written. */
export interface ImportCounts {
  contextFiles: number
  memoryDocs: number
  kgEntities: number
  kgRelations: number
  sessions: number
  cronJobs: number
  grants: number
  userProfiles: number
  workspaceFiles: number
}

export const noCounts = (): ImportCounts => ({
  contextFiles: 0,
  memoryDocs: 0,
  kgEntities: 0,
  kgRelations: 0,
  sessions: 0,
  cronJobs: 0,
  grants: 0,
  userProfiles: 0,
  workspaceFiles: 0,
})

type Kind = ArchiveItem['kind']

/** Of which section a kind of records is, and where those of it are counted. */
export const kinds = {
  contextFile: { section: 'context_files', count: 'contextFiles' },
  document: { section: 'memory', count: 'memoryDocs' },
  entity: { section: 'knowledge_graph', count: 'kgEntities' },
  relation: { section: 'knowledge_graph', count: 'kgRelations' },
  sessionLine: { section: 'sessions', count: 'sessions' },
  cronJob: { section: 'cron', count: 'cronJobs' },
  share: { section: 'grants', count: 'grants' },
  permission: { section: 'grants', count: 'grants' },
  profile: { section: 'user_profiles', count: 'userProfiles' },
  file: { section: 'workspace', count: 'workspaceFiles' },
} as const satisfies Record<Exclude<Kind, 'agent' | 'manifest'>, { section: Section; count: keyof ImportCounts }>

/** What is held back before it is written together. */
const batchItems = 100
const batchBytes = 1_048_576
/** A message between services carries at most so much of a file. */
const pieceBytes = 65_536

interface ImportWork {
  call: Call
  agent: Pick<Agent, 'id' | 'agentKey' | 'workspace'>
  items: AsyncIterable<ArchiveItem>
  wanted: readonly Section[]
  report: Report
}

type Batched = Exclude<Kind, 'agent' | 'manifest' | 'sessionLine' | 'file'>
type ValueOf<K extends Kind> = Extract<ArchiveItem, { kind: K }>['value']
type Writers = { [K in Batched]: (values: readonly ValueOf<K>[]) => Promise<number> }

const sizeOf = (value: object): number =>
  'content' in value && typeof value.content === 'string' ? value.content.length : 200

export const createImportInto = ({ writerOf, memory, workspaces }: Targets) => {
  const writersFor = ({ call, agent: { id: agentId } }: ImportWork): Writers => {
    const writer = writerOf(call.caller.tenantId)
    const { userId } = call.caller
    const graph = (part: Partial<WriteGraphRequest>) =>
      memory.writeGraph(call, { agentId, archivedEntities: [], archivedRelations: [], ...part })
    return {
      contextFile: (files) => writer.contextFiles(agentId, files),
      document: async (documents) => {
        const archived = documents.map(({ user_id: owner = '', path, content }) => ({ userId: owner, path, content }))
        await memory.writeDocuments(call, { agentId, documents: archived })
        return documents.length
      },
      entity: async (entities) => {
        const archived = entities.map(
          ({ user_id: owner, external_id: externalId, entity_type: entityType, properties, ...plain }) => ({
            ...plain,
            userId: owner,
            externalId,
            entityType,
            propertiesJson: JSON.stringify(properties),
          }),
        )
        return (await graph({ archivedEntities: archived })).entities
      },
      relation: async (relations) => {
        const archived = relations.map((relation) => ({
          userId: relation.user_id,
          sourceExternalId: relation.source_external_id,
          targetExternalId: relation.target_external_id,
          relationType: relation.relation_type,
          confidence: relation.confidence,
          propertiesJson: JSON.stringify(relation.properties),
        }))
        return (await graph({ archivedRelations: archived })).relations
      },
      cronJob: (jobs) => writer.cronJobs(agentId, jobs),
      share: (shares) => writer.shares(agentId, shares, userId),
      permission: (permissions) => writer.permissions(agentId, permissions, userId),
      profile: (profiles) => writer.profiles(agentId, profiles),
    }
  }

  /** Writes a file piece by piece; whether there was none of its path. */
  const writeFile = async ({ call, agent }: ImportWork, { path, content }: FileRecord): Promise<boolean> => {
    const { agentKey, workspace } = agent
    const fileId = crypto.randomUUID()
    let offset = 0
    let held: Buffer[] = []
    let heldBytes = 0
    const write = async (last: boolean) => {
      const data = Buffer.concat(held)
      const owner = { agentKey, workspace }
      const { written } = await workspaces.writeFilePiece(call, { owner, path, fileId, offset, data, last })
      offset += data.length
      held = []
      heldBytes = 0
      return written
    }
    for await (const piece of content) {
      if (heldBytes > 0 && heldBytes + piece.length > pieceBytes) await write(false)
      held.push(piece)
      heldBytes += piece.length
    }
    return write(true)
  }

  /** Takes sessions and their messages; how many sessions were new. */
  const createSessionWriter = ({ call, agent }: ImportWork) => {
    const writer = writerOf(call.caller.tenantId)
    let sessionId: string | undefined
    let nextSeq = 0
    let held: Extract<RecordOf<'sessionLine'>, { message: unknown }>['message'][] = []
    let heldChars = 0
    let written = 0
    const flush = async () => {
      if (sessionId !== undefined && held.length > 0) await writer.messages(sessionId, nextSeq, held)
      nextSeq += held.length
      held = []
      heldChars = 0
    }
    return {
      take: async (line: RecordOf<'sessionLine'>): Promise<void> => {
        if ('message' in line) {
          held.push(line.message)
          heldChars += line.message.content.length
          if (held.length >= batchItems || heldChars > batchBytes) await flush()
          return
        }
        await flush()
        nextSeq = 0
        sessionId = await writer.session(agent.id, {
          ...line.session,
          // Whatever agent it names: a session is of the agent in its key.
          session_key: keyForAgent(line.session.session_key, agent.agentKey),
        })
        if (sessionId !== undefined) written++
      },
      end: async (): Promise<number> => {
        await flush()
        return written
      },
    }
  }

  /** Writes the sections that are wanted; what was written. @throws what its targets throw */
  return async (work: ImportWork): Promise<ImportCounts> => {
    const counts = noCounts()
    const writers = writersFor(work)
    const sessions = createSessionWriter(work)
    let kind: Batched | undefined
    let held: object[] = []
    let heldSize = 0
    let phase: Section | undefined
    const flush = async () => {
      if (kind !== undefined && held.length > 0)
        counts[kinds[kind].count] += await (writers[kind] as (values: readonly object[]) => Promise<number>)(held)
      held = []
      heldSize = 0
    }
    const enter = async (section: Section) => {
      if (section === phase) return
      await flush()
      if (phase !== undefined) await work.report({ phase, status: 'done' })
      phase = section
      await work.report({ phase, status: 'running' })
    }
    for await (const item of work.items) {
      if (item.kind === 'agent' && work.wanted.includes('config')) await enter('config')
      if (item.kind === 'agent' || item.kind === 'manifest' || !work.wanted.includes(kinds[item.kind].section)) continue
      await enter(kinds[item.kind].section)
      if (item.kind === 'sessionLine') await sessions.take(item.value)
      else if (item.kind === 'file') {
        if (await writeFile(work, item.value)) counts.workspaceFiles++
      } else {
        const size = sizeOf(item.value)
        if (kind !== item.kind || held.length >= batchItems || heldSize + size > batchBytes) await flush()
        kind = item.kind
        held.push(item.value)
        heldSize += size
      }
    }
    await flush()
    counts.sessions = await sessions.end()
    if (phase !== undefined) await work.report({ phase, status: 'done' })
    return counts
  }
}
