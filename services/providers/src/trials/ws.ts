import { ws } from '@clawmesh/contracts'
import { implementWs } from '@clawmesh/chassis'
import type { AllModels } from './all-models.ts'

export const createModelWs = (allModels: AllModels) =>
  implementWs(ws.models)({
    'providers.models': async ({ caller, params: { provider } }) => {
      const providers = await allModels(caller)
      return { providers: providers.filter(({ name }) => provider === undefined || name === provider) }
    },
    'models.list': async ({ caller }) => {
      const providers = await allModels(caller)
      return { models: providers.flatMap(({ name, models }) => models.map((model) => ({ ...model, provider: name }))) }
    },
  })
