import type { ConfigServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/config.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import type { JsonObject } from '../json.ts'
import type { StoredConfigUseCases } from './use-cases.ts'

export const createStoredConfigRpc = (config: StoredConfigUseCases): RpcFunctions<typeof ConfigServiceService> => ({
  getStoredConfig: async () => {
    const { values, revision } = await config.read()
    return { valuesJson: JSON.stringify(values), revision }
  },
  setStoredConfig: async (call, { valuesJson, ...how }) => {
    const revision = await config.replace(call, JSON.parse(valuesJson) as JsonObject, how)
    return { isStored: revision !== undefined, revision: revision ?? how.expectedRevision }
  },
})
