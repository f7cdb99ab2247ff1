import { z } from 'zod'
import { lenient, page } from '../../http/common.ts'
import { modelName, modelPrice, modelPricing } from '../../http/traces/model-pricing.ts'
import { defineWsTable } from '../method.ts'

const count = z.number().int()

export const modelPricingMethods = defineWsTable('traces', {
  'model.pricing.list': {
    role: 'viewer',
    summary: 'What models cost the tenant, and whose figures these are',
    rules: { isAsOverHttp: 'Prices are those of `GET /v1/model-pricing`' },
    params: z.object({ search: lenient(z.string().max(255)), ...page(100, 500) }),
    result: z.object({ prices: z.array(modelPricing), total: count, limit: count, offset: count }),
    errors: [],
  },
  'model.pricing.get': {
    role: 'viewer',
    summary: 'What one model costs the tenant',
    rules: { isAsOverHttp: 'The price is that of `GET /v1/model-pricing/{name}`' },
    params: z.object({ name: modelName }),
    result: z.object({ price: modelPricing }),
    errors: [],
  },
  'model.pricing.set': {
    role: 'admin',
    summary: 'Set what a model costs the tenant',
    rules: { isAsOverHttp: 'It is what `PUT /v1/model-pricing/{name}` does, with its checks' },
    params: z.strictObject({ name: modelName, ...modelPrice.shape }),
    result: z.object({ price: modelPricing }),
    errors: ['ALREADY_EXISTS'],
  },
  'model.pricing.delete': {
    role: 'admin',
    summary: "Give up the tenant's own price of a model",
    rules: { isAsOverHttp: 'It is what `DELETE /v1/model-pricing/{name}` does' },
    params: z.object({ name: modelName }),
    result: z.object({ status: z.literal('deleted') }),
    errors: ['NOT_FOUND'],
  },
})
