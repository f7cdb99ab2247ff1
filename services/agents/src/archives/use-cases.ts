/** Agents on their way from one installation to another. */
import { createReadStream } from 'node:fs'
import { archiveSections, MeshError, slugPattern, type Caller } from '@clawmesh/contracts'
import { actorOf, cutText, fromContract, keyOfName, type Actor, type Call, type Upload } from '@clawmesh/chassis'
import { openScratch, writeToFile, type Report, type Scratch } from '@clawmesh/chassis/archives'
import { isSystemOwner } from '../agents/access.ts'
import type { Agent, AgentChanges } from '../agents/types.ts'
import { createImportInto, kinds, noCounts, type ImportCounts, type Targets } from './import.ts'
import { createExportAgent } from './export.ts'
import { removedAfterMs } from './jobs.ts'
import { waitsMs, type KeptArchivesOf } from './kept.ts'
import { readArchive } from './read.ts'
import { agentFields, type RecordOf } from './records.ts'
import { sectionsNamed, type Section, type Sources } from './sections.ts'

interface Parts {
  sources: Sources
  targets: Targets
  keptOf: KeptArchivesOf
  /** The agent that an id or key names, whoever owns it. @throws NOT_FOUND */
  require: (caller: Caller, ref: string) => Promise<Agent>
  /** Makes an inactive agent of a key that is free, as near as can be to the wanted one. @throws INVALID_REQUEST without a user */
  create: (call: Call, agentKey: string, fields: AgentChanges) => Promise<Agent>
  activate: (call: Call, agentId: string) => Promise<void>
  discard: (call: Call, agentId: string) => Promise<void>
  imported: (tenantId: string, agentId: string, actor: Actor) => Promise<void>
  removeLater: (tenantId: string, archiveId: string, afterMs: number, spareFetched: boolean) => Promise<void>
}

/** What an archive holds. */
export interface Contents {
  agent: RecordOf<'agent'>
  manifest: RecordOf<'manifest'> | undefined
  counts: ImportCounts
}

/** An archive that has come whole, and was found to be right. */
export interface Received<Fields> {
  path: string
  fields: Fields
  contents: Contents
  remove: () => Promise<void>
}

const usualSections: readonly Section[] = ['config', 'context_files']

export const archiveName = (agentKey: string, now: Date): string =>
  `agent-${agentKey.replace(/[^a-z0-9_-]/g, '-')}-${now.toISOString().slice(0, 10).replaceAll('-', '')}.tar.gz`

const longestKey = 64

/** A key out of what is said of one, or of a name. @throws INVALID_REQUEST where nothing is said */
const agentKeyOf = (said: string): string => {
  if (said.trim() === '')
    throw new MeshError('INVALID_REQUEST', 'error.invalid_archive', { reason: 'no key of an agent' })
  return slugPattern.test(said) && said.length <= longestKey ? said : keyOfName(said, 'agent', longestKey)
}

const inspect = async (path: string, tenantId: string): Promise<Contents> => {
  const counts = noCounts()
  let agent: RecordOf<'agent'> | undefined
  let manifest: RecordOf<'manifest'> | undefined
  for await (const item of readArchive(createReadStream(path) as AsyncIterable<Buffer>, tenantId)) {
    if (item.kind === 'agent') agent = item.value
    else if (item.kind === 'manifest') manifest = item.value
    else if (item.kind !== 'sessionLine' || 'session' in item.value) counts[kinds[item.kind].count]++
  }
  return { agent: agent!, manifest, counts }
}

interface KeptPiece {
  /** Empty begins an archive. */
  exportId: string
  fileName: string
  seq: number
  content: Buffer
  isLast: boolean
}

/** Of an archive that is of no agent. */
const ofNoAgent = '00000000-0000-0000-0000-000000000000'

const exportNotFound = () => new MeshError('NOT_FOUND', 'error.not_found', { kind: 'export', id: '' })

export const createArchiveUseCases = (parts: Parts) => {
  const { sources, targets, keptOf, require, removeLater } = parts
  const exportAgent = createExportAgent(sources)
  const importInto = createImportInto(targets)

  /** Unlike other changes of an agent, this needs somebody. @throws NOT_FOUND, FORBIDDEN */
  const requireOwned = async (caller: Caller, ref: string): Promise<Agent> => {
    const agent = await require(caller, ref)
    if (isSystemOwner(caller) || (caller.userId !== '' && agent.ownerId === caller.userId)) return agent
    throw new MeshError('FORBIDDEN', 'error.owner_only', { kind: 'agent' })
  }

  const itemsOf = (path: string, { tenantId }: Caller) =>
    readArchive(createReadStream(path) as AsyncIterable<Buffer>, tenantId)

  return {
    /** What an export would contain. @throws NOT_FOUND, FORBIDDEN */
    preview: async (call: Call, ref: string) => {
      const { caller } = call
      const { id, agentKey, workspace } = await requireOwned(caller, ref)
      const [own, memory, files] = await Promise.all([
        sources.rowsOf(caller.tenantId).count(id),
        sources.memory.countMemory(call, { agentId: id }),
        sources.workspaces.countFiles(call, { owner: { agentKey, workspace } }),
      ])
      return { own, memory, files }
    },

    /** The archive of an agent as it is made, and what it is called. @throws NOT_FOUND, FORBIDDEN */
    open: async (call: Call, ref: string, names: string) => {
      const agent = await requireOwned(call.caller, ref)
      const wanted = sectionsNamed(names, usualSections)
      return {
        agent,
        fileName: archiveName(agent.agentKey, new Date()),
        bytes: (report: Report) => exportAgent({ call, agent, wanted, report }),
      }
    },

    /** Keeps an archive for whoever has the token that it gives. @throws what making it throws */
    keep: async (
      { caller: { tenantId, userId } }: Call,
      { agent, fileName, bytes }: { agent: Agent; fileName: string; bytes: AsyncIterable<Buffer> },
    ) => {
      const kept = keptOf(tenantId)
      const { id, token } = await kept.begin({ agentId: agent.id, userId, fileName })
      await removeLater(tenantId, id, removedAfterMs, false)
      const size = await kept.store(id, bytes)
      await removeLater(tenantId, id, waitsMs, true)
      return { token, size }
    },

    /** Keeps a piece of an archive that another service makes for the caller; the first gives a token. @throws NOT_FOUND */
    keepPiece: async (
      { caller: { tenantId, userId } }: Call,
      { exportId, fileName, seq, content, isLast }: KeptPiece,
    ): Promise<{ exportId: string; token: string }> => {
      const kept = keptOf(tenantId)
      const begun =
        exportId === ''
          ? await kept.begin({ agentId: ofNoAgent, userId, fileName: cutText(fileName, 255) })
          : { id: exportId, token: '' }
      if (exportId === '') await removeLater(tenantId, begun.id, removedAfterMs, false)
      if (!(await kept.append(begun.id, userId, seq, content))) throw exportNotFound()
      if (isLast) {
        await kept.finish(begun.id, seq + 1)
        await removeLater(tenantId, begun.id, waitsMs, true)
      }
      return { exportId: begun.id, token: begun.token }
    },

    /** Spends a token. @throws NOT_FOUND, FORBIDDEN */
    fetch: async ({ caller }: Call, token: string, agentRef?: string) => {
      const kept = keptOf(caller.tenantId)
      const archive = await kept.find(token)
      if (archive === undefined) throw exportNotFound()
      if (archive.userId !== caller.userId && !isSystemOwner(caller))
        throw new MeshError('FORBIDDEN', 'error.no_access', { kind: 'export' })
      if (agentRef !== undefined && (await require(caller, agentRef)).id !== archive.agentId) throw exportNotFound()
      if (!(await kept.spend(archive.id))) throw exportNotFound()
      return { ...archive, bytes: kept.fetch(archive.id) }
    },

    /** Takes in an archive, and reads it to its end. Whoever gets it removes it. @throws INVALID_REQUEST, PAYLOAD_TOO_LARGE */
    receive: async <Fields>({ caller }: Call, upload: Upload<Fields>): Promise<Received<Fields>> => {
      const scratch: Scratch = await openScratch()
      const path = scratch.file('archive.tar.gz')
      try {
        const fields = await upload(async (file) => void (await writeToFile(path, file)))
        return { path, fields, contents: await inspect(path, caller.tenantId), remove: scratch.remove }
      } catch (thrown) {
        await scratch.remove()
        throw thrown
      }
    },

    requireOwned,

    /** Makes a new agent of an archive; it is removed again where that fails. @throws INVALID_REQUEST */
    importNew: async (
      call: Call,
      { path, contents, fields }: Received<{ agentKey?: string | undefined; displayName?: string | undefined }>,
      report: Report,
    ) => {
      const { agent_key: archivedKey, ...described } = contents.agent
      const displayName = fields.displayName || described.display_name || ''
      const wantedKey = agentKeyOf(fields.agentKey || archivedKey || displayName)
      const named = displayName === '' ? described : { ...described, display_name: displayName }
      const agent = await parts.create(call, wantedKey, fromContract(agentFields, named) as AgentChanges)
      try {
        const counts = await importInto({
          call,
          agent,
          items: itemsOf(path, call.caller),
          wanted: archiveSections,
          report,
        })
        await parts.activate(call, agent.id)
        return { agentId: agent.id, agentKey: agent.agentKey, ...counts }
      } catch (thrown) {
        await parts.discard(call, agent.id)
        throw thrown
      }
    },

    /** Merges an archive into an agent. */
    merge: async (call: Call, agent: Agent, { path }: Received<unknown>, include: string, report: Report) => {
      const counts = await importInto({
        call,
        agent,
        items: itemsOf(path, call.caller),
        // What the agent is stays.
        wanted: sectionsNamed(include, archiveSections).filter((section) => section !== 'config'),
        report,
      })
      await parts.imported(call.caller.tenantId, agent.id, actorOf(call))
      return { agentId: agent.id, agentKey: agent.agentKey, ...counts }
    },
  }
}

export type ArchiveUseCases = ReturnType<typeof createArchiveUseCases>
