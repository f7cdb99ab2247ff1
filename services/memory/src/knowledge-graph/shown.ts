/** Entities and relations as the contract has them. */
import type { Entity, Properties, Relation } from './types.ts'

const shownProperties = (properties: Properties) => (Object.keys(properties).length === 0 ? undefined : properties)

export const showEntity = (entity: Entity) => ({
  ...entity,
  properties: shownProperties(entity.properties),
  createdAt: entity.createdAt.getTime(),
  updatedAt: entity.updatedAt.getTime(),
})

export const showRelation = (relation: Relation) => ({
  ...relation,
  properties: shownProperties(relation.properties),
  createdAt: relation.createdAt.getTime(),
})
