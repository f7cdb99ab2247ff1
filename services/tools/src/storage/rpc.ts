/** Files that messages name, for the service that shows them to models. */
import type { WorkspacesServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/workspaces.ts'
import { MeshError } from '@clawmesh/contracts'
import type { RpcFunctions } from '@clawmesh/chassis'
import { contentTypeOf } from './content-type.ts'
import type { SessionMedia } from './session-media.ts'
import type { StorageUseCases } from './use-cases.ts'

/** What a message takes of one file. */
const mostBytes = 10_485_760

const nothing = { found: false, mimeType: '', data: Buffer.alloc(0) }
/** Whoever asks is told no more than that there is no such file. */
const unread = new Set(['NOT_FOUND', 'INVALID_REQUEST', 'FORBIDDEN'])

const notKept = { found: false, id: '', mimeType: '', size: 0, path: '' }

export const createMediaRpc = (
  storage: Pick<StorageUseCases, 'mediaOf'>,
  sessions: Pick<SessionMedia, 'keep'>,
): Pick<RpcFunctions<typeof WorkspacesServiceService>, 'readMedia' | 'keepMedia'> => ({
  keepMedia: async ({ caller }, { agentId, sessionKey, path }) => {
    try {
      return { found: true, ...(await sessions.keep(caller, { agentId, sessionKey }, path)) }
    } catch (thrown) {
      if (thrown instanceof MeshError && unread.has(thrown.code)) return notKept
      throw thrown
    }
  },

  readMedia: async ({ caller }, { path }) => {
    try {
      const { name, open } = await storage.mediaOf(caller, path)
      return await open(async (file) => {
        if (file.size === 0 || file.size > mostBytes) return nothing
        const pieces: Buffer[] = []
        for await (const piece of file.read(0, file.size - 1)) pieces.push(piece)
        const type = await contentTypeOf(name, file)
        return { found: true, mimeType: type.split(';', 1)[0]!, data: Buffer.concat(pieces) }
      })
    } catch (thrown) {
      if (thrown instanceof MeshError && unread.has(thrown.code)) return nothing
      throw thrown
    }
  },
})
