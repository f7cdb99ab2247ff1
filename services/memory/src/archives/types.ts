import type {
  ArchivedDocument,
  ArchivedEntity,
  ArchivedRelation,
} from '@clawmesh/contracts/gen/clawmesh/memory/v1/archives.ts'
import type { Properties } from '../knowledge-graph/types.ts'

/** A document, by its owner and path. */
export type OwnDocument = ArchivedDocument

/** An entity, by its owner and external id. */
export interface OwnEntity extends Omit<ArchivedEntity, 'propertiesJson'> {
  properties: Properties
}

/** A relation, by its owner and the external ids of its ends. */
export interface OwnRelation extends Omit<ArchivedRelation, 'propertiesJson'> {
  properties: Properties
}

export interface MemoryCounts {
  globalDocuments: number
  personalDocuments: number
  entities: number
  relations: number
}
