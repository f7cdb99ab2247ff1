/** What other services keep of agents, in memory: documents and graphs by agent id, files by agent key. */
import { ArchivesServiceService } from '@clawmesh/contracts/gen/clawmesh/memory/v1/archives.ts'
import type {
  ArchivedDocument,
  ArchivedEntity,
  ArchivedRelation,
} from '@clawmesh/contracts/gen/clawmesh/memory/v1/archives.ts'
import { WorkspacesServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/workspaces.ts'
import { MeshError } from '@clawmesh/contracts'
import { implementRpc } from '@clawmesh/chassis'

interface Remembered {
  documents: ArchivedDocument[]
  entities: ArchivedEntity[]
  relations: ArchivedRelation[]
}

export const standInArchives = () => {
  const remembered = new Map<string, Remembered>()
  const files = new Map<string, Map<string, Buffer>>()
  const pieces = new Map<string, Buffer>()
  const state = { memoryFails: false }
  const of = (agentId: string): Remembered => {
    const found = remembered.get(agentId) ?? { documents: [], entities: [], relations: [] }
    remembered.set(agentId, found)
    return found
  }
  const filesOf = (agentKey: string): Map<string, Buffer> => {
    const found = files.get(agentKey) ?? new Map<string, Buffer>()
    files.set(agentKey, found)
    return found
  }

  const memoryRpc = implementRpc(ArchivesServiceService, {
    countMemory: async (_call, { agentId }) => {
      const { documents, entities, relations } = of(agentId)
      const globalDocuments = documents.filter(({ userId }) => userId === '').length
      return {
        globalDocuments,
        personalDocuments: documents.length - globalDocuments,
        entities: entities.length,
        relations: relations.length,
      }
    },
    readDocuments: async function* (_call, { agentId }) {
      if (state.memoryFails) throw new MeshError('UNAVAILABLE', 'error.unavailable', { what: 'memory' })
      for (const document of of(agentId).documents) yield { document }
    },
    readGraph: async function* (_call, { agentId }) {
      for (const value of of(agentId).entities) yield { part: { $case: 'entity' as const, value } }
      for (const value of of(agentId).relations) yield { part: { $case: 'relation' as const, value } }
    },
    writeDocuments: async (_call, { agentId, documents }) => {
      if (state.memoryFails) throw new MeshError('UNAVAILABLE', 'error.unavailable', { what: 'memory' })
      of(agentId).documents.push(...documents)
      return {}
    },
    writeGraph: async (_call, { agentId, archivedEntities: entities, archivedRelations: relations }) => {
      of(agentId).entities.push(...entities)
      of(agentId).relations.push(...relations)
      return { entities: entities.length, relations: relations.length }
    },
  })

  /** What was uploaded, by tenant and path. */
  const uploads = new Map<string, { mimeType: string; data: Buffer }>()
  /** What is kept with sessions. */
  const kept: { sessionKey: string; path: string }[] = []

  const workspacesRpc = implementRpc(WorkspacesServiceService, {
    readMedia: async ({ caller }, { path }) => {
      const upload = uploads.get(`${caller.tenantId} ${path}`)
      return { found: upload !== undefined, mimeType: '', data: Buffer.alloc(0), ...upload }
    },
    keepMedia: async ({ caller: { tenantId } }, { path, sessionKey }) => {
      const upload = uploads.get(`${tenantId} ${path}`)
      if (upload === undefined) return { found: false, id: '', mimeType: '', size: 0, path: '' }
      const id = path.split('/').at(-1)!
      uploads.set(`${tenantId} /v1/media/${id}`, upload)
      kept.push({ sessionKey, path })
      return { found: true, id, mimeType: upload.mimeType, size: upload.data.length, path }
    },
    countFiles: async (_call, { owner }) => ({ files: filesOf(owner!.agentKey).size, bytes: 0 }),
    readFiles: async function* (_call, { owner }) {
      for (const [path, data] of filesOf(owner!.agentKey)) {
        yield { part: { $case: 'head' as const, value: { path, size: data.length } } }
        if (data.length > 0) yield { part: { $case: 'data' as const, value: data } }
      }
    },
    writeFilePiece: async (_call, { owner, path, fileId, data, last }) => {
      const whole = Buffer.concat([pieces.get(fileId) ?? Buffer.alloc(0), data])
      pieces.set(fileId, whole)
      if (!last) return { written: true }
      const own = filesOf(owner!.agentKey)
      if (own.has(path)) return { written: false }
      own.set(path, whole)
      return { written: true }
    },
  })
  return { memoryRpc, workspacesRpc, uploads, kept, of, filesOf, state }
}

export type ArchiveStandIns = ReturnType<typeof standInArchives>
