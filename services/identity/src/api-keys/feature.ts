/** API keys: credentials of programs, bound to a tenant or to the installation. */
import type { Feature, ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import { createApiKeyHttp } from './http.ts'
import { createApiKeyLookups, createApiKeyRows } from './rows.ts'
import { createApiKeyRpc } from './rpc.ts'
import { createApiKeyWs } from './ws.ts'
import { createApiKeyUseCases, type ApiKeyParts } from './use-cases.ts'

export const createApiKeys = (db: ServiceDb<PrismaClient>, findTenant: ApiKeyParts['findTenant']) => {
  const apiKeys = createApiKeyUseCases({
    rowsOf: createApiKeyRows(db),
    lookups: createApiKeyLookups(db),
    findTenant,
  })
  return {
    http: createApiKeyHttp(apiKeys),
    ws: createApiKeyWs(apiKeys),
    rpc: createApiKeyRpc(apiKeys),
  } satisfies Feature & Record<string, unknown>
}
