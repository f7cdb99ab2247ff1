/** Tenants: the organisations that share an installation. */
import type { Feature, ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import { createTenantHttp } from './http.ts'
import { createTenantRows } from './rows.ts'
import { createTenantRpc } from './rpc.ts'
import { createTenantWs } from './ws.ts'
import { createTenantUseCases } from './use-cases.ts'

export const createTenants = (db: ServiceDb<PrismaClient>) => {
  const tenants = createTenantUseCases(createTenantRows(db))
  return {
    http: createTenantHttp(tenants),
    ws: createTenantWs(tenants),
    rpc: createTenantRpc(tenants),
    find: tenants.find,
  } satisfies Feature & Record<string, unknown>
}
