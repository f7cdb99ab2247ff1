/** Instances: the users of an agent, and what it knows of each. */
import type { Feature, Mesh, ServiceDb } from '@clawmesh/chassis'
import type { RequireOwned } from '../agents/owned.ts'
import type { PrismaClient } from '../db/client/client.ts'
import { createInstanceHttp } from './http.ts'
import { createInstanceRows } from './rows.ts'
import { createInstanceUseCases, type InstanceUseCases } from './use-cases.ts'

export const createInstances = (mesh: Pick<Mesh, 'log'>, db: ServiceDb<PrismaClient>, requireOwned: RequireOwned) => {
  const log = mesh.log.child({ service: 'agents' })
  const instances = createInstanceUseCases({ rowsOf: createInstanceRows(db), requireOwned, log })
  return { http: createInstanceHttp(instances), seen: instances.seen } satisfies Feature &
    Pick<InstanceUseCases, 'seen'>
}
