import type { ArchivesServiceService } from '@clawmesh/contracts/gen/clawmesh/memory/v1/archives.ts'
import { MeshError } from '@clawmesh/contracts'
import type { RpcFunctions } from '@clawmesh/chassis'
import type { Properties } from '../knowledge-graph/types.ts'
import type { ArchiveUseCases } from './use-cases.ts'

const most = { documents: 100, entities: 1_000, relations: 1_000 }

/** @throws INVALID_REQUEST */
const bounded = <T>(field: keyof typeof most, values: readonly T[]): readonly T[] => {
  if (values.length <= most[field]) return values
  throw new MeshError('INVALID_REQUEST', 'error.invalid_request', { field, reason: `> ${most[field]}` })
}

const packed = <T extends { properties: Properties }>({ properties, ...thing }: T) => ({
  ...thing,
  propertiesJson: JSON.stringify(properties),
})
const unpacked = <T extends { propertiesJson: string }>({ propertiesJson, ...thing }: T) => ({
  ...thing,
  properties: JSON.parse(propertiesJson || '{}') as Properties,
})

export const createArchiveRpc = (archives: ArchiveUseCases): RpcFunctions<typeof ArchivesServiceService> => ({
  countMemory: (call, { agentId }) => archives.count(call, agentId),

  readDocuments: async function* (call, { agentId }) {
    for await (const document of archives.documents(call, agentId)) yield { document }
  },

  readGraph: async function* (call, { agentId }) {
    for await (const part of archives.graph(call, agentId))
      yield {
        part:
          'entity' in part
            ? { $case: 'entity' as const, value: packed(part.entity) }
            : { $case: 'relation' as const, value: packed(part.relation) },
      }
  },

  writeDocuments: async (call, { agentId, documents }) => {
    await archives.writeDocuments(call, agentId, bounded('documents', documents))
    return {}
  },

  writeGraph: (call, { agentId, archivedEntities: entities, archivedRelations: relations }) =>
    archives.writeGraph(call, agentId, {
      entities: bounded('entities', entities).map(unpacked),
      relations: bounded('relations', relations).map(unpacked),
    }),
})
