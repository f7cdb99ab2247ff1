/** The memory files of a tenant: the shared documents of its default agent, by the names of a folder. */
import { MeshError } from '@clawmesh/contracts'
import type { Call } from '@clawmesh/chassis'
import type { FindAgent, MemoryAgent } from '../agents/types.ts'
import type { MemoryDocument } from '../documents/types.ts'
import type { DocumentUseCases } from '../documents/use-cases.ts'
import { cleanFilePath, documentPathsOf, fileNamesOf } from './paths.ts'

const fileNotFound = () => new MeshError('NOT_FOUND', 'error.file_not_found')
const shared = { userId: '' }

interface Parts {
  documents: Pick<DocumentUseCases, 'list' | 'findForUser' | 'put' | 'delete'>
  findAgent: FindAgent
}

export const createMemoryFileUseCases = ({ documents, findAgent }: Parts) => {
  const defaultAgent = (call: Call) => findAgent(call, '')

  const find = async (call: Call, agent: MemoryAgent, path: string): Promise<MemoryDocument | undefined> => {
    for (const documentPath of documentPathsOf(path)) {
      const document = await documents.findForUser(call, agent, { ...shared, path: documentPath })
      if (document !== undefined) return document
    }
    return undefined
  }

  /** @throws NOT_FOUND */
  const get = async (call: Call, agent: MemoryAgent, path: string): Promise<MemoryDocument> => {
    const document = await find(call, agent, path)
    if (document === undefined) throw fileNotFound()
    return document
  }

  return {
    /** Names of the files, `MEMORY.md` first. @throws NOT_FOUND without a default agent */
    list: async (call: Call): Promise<string[]> => {
      const heads = await documents.list(call, await defaultAgent(call), shared.userId)
      return fileNamesOf(heads.filter(({ userId }) => userId === shared.userId).map(({ path }) => path))
    },

    /** @throws NOT_FOUND, INVALID_REQUEST */
    read: async (call: Call, given: string): Promise<{ path: string; content: string }> => {
      const path = cleanFilePath(given)
      const { content } = await get(call, await defaultAgent(call), path)
      return { path, content }
    },

    /** Writes where a read finds the file. @throws INVALID_REQUEST, PAYLOAD_TOO_LARGE */
    write: async (call: Call, given: string, content: string): Promise<string> => {
      const path = cleanFilePath(given)
      const agent = await defaultAgent(call)
      const known = await find(call, agent, path)
      await documents.put(call, agent, { ...shared, path: known?.path ?? documentPathsOf(path)[0]!, content })
      return path
    },

    /** @throws NOT_FOUND, INVALID_REQUEST */
    remove: async (call: Call, given: string): Promise<string> => {
      const path = cleanFilePath(given)
      const agent = await defaultAgent(call)
      await documents.delete(call, agent, { ...shared, path: (await get(call, agent, path)).path })
      return path
    },
  }
}

export type MemoryFileUseCases = ReturnType<typeof createMemoryFileUseCases>
