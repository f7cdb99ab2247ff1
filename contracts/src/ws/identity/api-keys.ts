import { z } from 'zod'
import { idParams, statusIs } from '../../http/common.ts'
import { apiKey, createdKey, newApiKey } from '../../http/identity/api-keys.ts'
import { defineWsTable } from '../method.ts'

export const apiKeys = defineWsTable('identity', {
  'api_keys.list': {
    role: 'admin',
    summary: "API keys of the caller's tenant, active and revoked, without the secret",
    rules: { isABareArray: 'Answers a bare array, newest first, as over HTTP; no secret and no hash is in it' },
    params: z.object({}),
    result: z.array(apiKey),
    errors: [],
  },
  'api_keys.create': {
    role: 'admin',
    summary: 'Create an API key with no more rights than your own; the secret is shown in this answer only',
    rules: {
      worksAtOnce: 'The key is that of `POST /v1/api-keys`: caches evict it, and `created_by` is the user',
      givesNoMoreThanOwn:
        "A scope beyond the caller's own rights is refused and named, and so is another tenant, but to system owners",
    },
    params: newApiKey,
    result: createdKey,
    errors: ['NOT_FOUND'],
  },
  'api_keys.revoke': {
    role: 'admin',
    summary: 'Revoke an API key for good',
    rules: {
      endsAtOnce: 'Caches evict the key at once, and an unknown or foreign one is NOT_FOUND',
    },
    params: idParams,
    result: statusIs('revoked'),
    errors: ['NOT_FOUND'],
  },
})
