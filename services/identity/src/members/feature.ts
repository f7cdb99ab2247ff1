/** Members: the users of a tenant. */
import type { Feature, ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import { createMemberHttp } from './http.ts'
import { createMemberRows } from './rows.ts'
import { createMemberRpc } from './rpc.ts'
import { createMemberWs } from './ws.ts'
import { createMemberUseCases } from './use-cases.ts'

export const createMembers = (db: ServiceDb<PrismaClient>) => {
  const members = createMemberUseCases(createMemberRows(db))
  return {
    http: createMemberHttp(members),
    ws: createMemberWs(members),
    rpc: createMemberRpc(members),
    roleOf: members.roleOf,
  } satisfies Feature & Record<string, unknown>
}
