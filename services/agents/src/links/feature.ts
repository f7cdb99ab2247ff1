/** Links: which agent may hand work to which. */
import type { Feature, ServiceDb } from '@clawmesh/chassis'
import type { RequireAgent, RequireOwned } from '../agents/owned.ts'
import type { PrismaClient } from '../db/client/client.ts'
import { createLinkRows } from './rows.ts'
import { createLinkUseCases } from './use-cases.ts'
import { createLinkWs } from './ws.ts'

export const createLinks = (db: ServiceDb<PrismaClient>, requireAgent: RequireAgent, requireOwned: RequireOwned) => {
  const links = createLinkUseCases({ rowsOf: createLinkRows(db), requireAgent, requireOwned })
  return { ws: createLinkWs(links) } satisfies Feature
}
