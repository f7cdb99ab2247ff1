/** How features reach rows of one tenant. Nothing that traces does is an event, so it has no outbox, and its changes are the intake's batches. */
import type { Database } from '@clawmesh/chassis'
import { PrismaClient } from './db/client/client.ts'

/** A Prisma client as one tenant; it has no `findUnique`. */
export type PrismaOf = (tenantId: string) => PrismaClient

export const createPrismaOf = ({ tenantClientOptions, clientOf }: Database): PrismaOf => {
  const client = new PrismaClient(tenantClientOptions)
  return (tenantId) => clientOf(client, tenantId)
}
