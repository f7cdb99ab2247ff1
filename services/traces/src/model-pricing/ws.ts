import { ws } from '@clawmesh/contracts'
import { implementWs } from '@clawmesh/chassis'
import type { ModelPricingUseCases } from './use-cases.ts'

export const createModelPricingWs = (pricing: ModelPricingUseCases) =>
  implementWs(ws.modelPricing)({
    'model.pricing.list': ({ caller, params }) => pricing.list(caller, params),
    'model.pricing.get': async ({ caller, params }) => ({ price: await pricing.get(caller, params.name) }),
    'model.pricing.set': async ({ call, params: { name, ...price } }) => ({
      price: await pricing.set(call, name, price),
    }),
    'model.pricing.delete': async ({ call, params }) => {
      await pricing.remove(call, params.name)
      return { status: 'deleted' }
    },
  })
