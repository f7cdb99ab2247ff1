import { http } from '@clawmesh/contracts'
import { implementHttp, reply } from '@clawmesh/chassis'
import { toResponse } from './shown.ts'
import type { ApiKeyUseCases } from './use-cases.ts'

/** Answers with a secret in them. */
const notKept = { 'cache-control': 'no-store' }

export const createApiKeyHttp = (apiKeys: ApiKeyUseCases) =>
  implementHttp(http.apiKeys)({
    listApiKeys: async ({ caller }) => (await apiKeys.list(caller)).map(toResponse),
    createApiKey: async ({ call, body }) => {
      const { apiKey, secret } = await apiKeys.create(call, body)
      return reply(201, { ...toResponse(apiKey), key: secret }, notKept)
    },
    updateApiKey: async ({ call, params, body }) => toResponse(await apiKeys.update(call, params.id, body)),
    rotateApiKey: async ({ call, params, body }) => {
      const { apiKey, secret, previousExpiresAt } = await apiKeys.rotate(call, params.id, body.graceSeconds)
      return reply(201, { ...toResponse(apiKey), key: secret, rotatedFrom: params.id, previousExpiresAt }, notKept)
    },
    revokeApiKey: async ({ call, params }) => {
      await apiKeys.revoke(call, params.id)
      return { status: 'revoked' }
    },
  })
