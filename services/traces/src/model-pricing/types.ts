/** What is said of the prices of models, derived from the contract. */
import type { http } from '@clawmesh/contracts'
import type { BodyShape, QueryShape, ResponseShape } from '@clawmesh/chassis'

type Operations = typeof http.modelPricing.operations
export type ModelPricing = ResponseShape<Operations['getModelPricing']['response'][200]>
export type NewPrice = BodyShape<Operations['setModelPricing']>
export type PricingQuery = QueryShape<Operations['listModelPricing']>
export type PriceOrigin = NonNullable<ModelPricing['origin']>

/** A price that a tenant has set. */
export interface OwnPrice extends NewPrice {
  name: string
  updatedAt: Date
}
