import { ws } from '@clawmesh/contracts'
import { implementWs } from '@clawmesh/chassis'
import { toResponse } from './shown.ts'
import type { ApiKeyUseCases } from './use-cases.ts'

export const createApiKeyWs = (apiKeys: ApiKeyUseCases) =>
  implementWs(ws.apiKeys)({
    'api_keys.list': async ({ caller }) => (await apiKeys.list(caller)).map(toResponse),
    'api_keys.create': async ({ call, params }) => {
      const { apiKey, secret } = await apiKeys.create(call, params)
      return { ...toResponse(apiKey), key: secret }
    },
    'api_keys.revoke': async ({ call, params }) => {
      await apiKeys.revoke(call, params.id)
      return { status: 'revoked' }
    },
  })
