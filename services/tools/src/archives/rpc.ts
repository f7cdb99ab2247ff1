/** The files of agents on their way into archives and out of them. */
import type {
  WorkspaceOfAgent,
  WorkspacesServiceService,
} from '@clawmesh/contracts/gen/clawmesh/tools/v1/workspaces.ts'
import { MeshError, uuid } from '@clawmesh/contracts'
import { notePassing, type Call, type RpcFunctions } from '@clawmesh/chassis'
import type { FileStore } from '../store/store.ts'
import { workspacePath, type Workspace } from '../workspace/index.ts'
import { countFiles, readFiles, writePiece } from './files.ts'

/** @param workspaceDir base folder of all workspaces, absolute */
export const createArchiveRpc = (
  workspaceDir: string,
  store: FileStore,
): Omit<RpcFunctions<typeof WorkspacesServiceService>, 'readMedia' | 'keepMedia'> => {
  /** The folder of an agent, with those of all its users. @throws INVALID_REQUEST for one outside the tenant's */
  const workspaceOf = ({ caller }: Call, owner: WorkspaceOfAgent | undefined): Workspace => {
    const { agentKey = '', workspace = '' } = owner ?? {}
    if (agentKey === '') throw new MeshError('INVALID_REQUEST', 'error.required', { field: 'agent_key' })
    const { tenantId, tenantSlug } = caller
    return workspacePath(workspaceDir, {
      tenantId,
      tenantSlug,
      agentKey,
      agentWorkspace: workspace,
      userId: '',
      shared: true,
    })
  }

  return {
    countFiles: (call, { owner }) => countFiles(store, workspaceOf(call, owner)),

    readFiles: async function* (call, { owner }) {
      for await (const part of readFiles(store, workspaceOf(call, owner)))
        yield {
          part:
            'head' in part
              ? { $case: 'head' as const, value: part.head }
              : { $case: 'data' as const, value: part.data },
        }
    },

    writeFilePiece: async (call, { owner, fileId, data, ...piece }) => {
      if (!uuid.safeParse(fileId).success)
        throw new MeshError('INVALID_REQUEST', 'error.invalid_request', { field: 'file_id', reason: 'unknown type' })
      notePassing(data)
      const written = await writePiece(store, workspaceOf(call, owner), { ...piece, fileId, data })
      return { written }
    },
  }
}
