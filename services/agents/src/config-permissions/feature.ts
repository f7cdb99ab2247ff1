/** Rules about who may change what of an agent from a chat. */
import type { Feature, Logger, ServiceDb } from '@clawmesh/chassis'
import type { RequireAgent } from '../agents/owned.ts'
import type { PrismaClient } from '../db/client/client.ts'
import { createPermissionRows } from './rows.ts'
import { createPermissionRpc } from './rpc.ts'
import { createPermissionUseCases } from './use-cases.ts'
import { createPermissionWs } from './ws.ts'

export const createConfigPermissions = (db: ServiceDb<PrismaClient>, requireAgent: RequireAgent, log: Logger) => {
  const permissions = createPermissionUseCases({ rowsOf: createPermissionRows(db), requireAgent, log })
  const { verdictOn, isFileWriter } = permissions
  return {
    ws: createPermissionWs(permissions),
    rpc: createPermissionRpc(permissions, requireAgent),
    verdictOn,
    isFileWriter,
  } satisfies Feature & { rpc: object; verdictOn: object; isFileWriter: object }
}
