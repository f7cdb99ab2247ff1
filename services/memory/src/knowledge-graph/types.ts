/** The words of a knowledge graph. */

/** A flat map of texts. */
export type Properties = Readonly<Record<string, string>>

/** What a writer says of an entity. */
export interface NewEntity {
  externalId: string
  name: string
  entityType: string
  description: string
  properties: Properties
  sourceId: string
  /** 0 to 1. */
  confidence: number
}

export interface Entity extends NewEntity {
  id: string
  agentId: string
  /** Empty for the shared graph. */
  userId: string
  createdAt: Date
  updatedAt: Date
}

export interface Relation {
  id: string
  agentId: string
  userId: string
  sourceEntityId: string
  relationType: string
  targetEntityId: string
  confidence: number
  properties: Properties
  createdAt: Date
}

/** One owner's graph of an agent. */
export interface GraphOwner {
  agentId: string
  userId: string
}

/** What is read of an agent's graphs: those of some owners, undefined for everybody's. */
export interface GraphScope {
  agentId: string
  userIds: readonly string[] | undefined
}

/** What an extraction found, by external ids. */
export interface Extracted {
  entities: readonly NewEntity[]
  relations: readonly ExtractedRelation[]
}

export interface ExtractedRelation {
  source: string
  type: string
  target: string
  confidence: number
}
