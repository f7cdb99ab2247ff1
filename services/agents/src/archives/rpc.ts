import type { ExportsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/exports.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import type { ArchiveUseCases } from './use-cases.ts'

export const createExportsRpc = (archives: ArchiveUseCases): RpcFunctions<typeof ExportsServiceService> => ({
  keepPiece: (call, { piece, ...rest }) => archives.keepPiece(call, { ...rest, content: piece }),
})
