import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import type { ModelPricingUseCases } from './use-cases.ts'

export const createModelPricingHttp = (pricing: ModelPricingUseCases) =>
  implementHttp(http.modelPricing)({
    listModelPricing: ({ caller, query }) => pricing.list(caller, query),
    getModelPricing: ({ caller, params }) => pricing.get(caller, params.name),
    setModelPricing: ({ call, params, body }) => pricing.set(call, params.name, body),
    deleteModelPricing: async ({ call, params }) => {
      await pricing.remove(call, params.name)
      return { status: 'deleted' }
    },
  })
