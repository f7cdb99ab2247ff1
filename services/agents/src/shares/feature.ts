/** Shares: the users who may use an agent that is not theirs. */
import type { Feature, ServiceDb } from '@clawmesh/chassis'
import type { RequireOwned } from '../agents/owned.ts'
import type { PrismaClient } from '../db/client/client.ts'
import { createShareHttp } from './http.ts'
import { createShareRows } from './rows.ts'
import { createShareUseCases } from './use-cases.ts'

export const createShares = (db: ServiceDb<PrismaClient>, requireOwned: RequireOwned) => {
  const shares = createShareUseCases({ rowsOf: createShareRows(db), requireOwned })
  return { http: createShareHttp(shares) } satisfies Feature
}
