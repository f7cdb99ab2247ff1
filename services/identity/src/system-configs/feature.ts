/** System configs: settings that a tenant makes for itself, by key. */
import type { Feature, ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import { createSystemConfigHttp } from './http.ts'
import { createSystemConfigRows } from './rows.ts'
import { createSystemConfigRpc } from './rpc.ts'
import { createSystemConfigUseCases } from './use-cases.ts'

export const createSystemConfigs = (db: ServiceDb<PrismaClient>) => {
  const configs = createSystemConfigUseCases(createSystemConfigRows(db))
  return {
    http: createSystemConfigHttp(configs),
    rpc: createSystemConfigRpc(configs),
  } satisfies Feature & Record<string, unknown>
}
