import { z } from 'zod'
import { defineWsTable } from '../method.ts'

const model = z.object({ id: z.string(), name: z.string() })

export const models = defineWsTable('providers', {
  'providers.models': {
    role: 'viewer',
    summary: "Models of the tenant's enabled providers",
    rules: {
      listsEnabledProviders:
        'Every enabled provider is listed by name with what `GET /v1/providers/{id}/models` tells; a model without a name is called by its id',
      isEmptyWhereAProviderFails:
        'A provider that fails, or lacks the key it needs, has no models; the others have theirs',
      narrowsToAProvider: '`provider` keeps the one of that name; an unknown one leaves none',
      asksVendorsSeldom: 'Vendors are asked once a minute for a tenant at most, and again after a provider has changed',
    },
    params: z.object({ provider: z.string().max(100).optional().describe('Name of a provider') }),
    result: z.object({ providers: z.array(z.object({ name: z.string(), models: z.array(model) })) }),
    errors: [],
  },
  'models.list': {
    role: 'viewer',
    summary: "Models of the tenant's enabled providers, in one list",
    rules: { flattensThem: 'The models are those of `providers.models`, each with the name of its provider' },
    params: z.object({}),
    result: z.object({ models: z.array(model.extend({ provider: z.string() })) }),
    errors: [],
  },
})
