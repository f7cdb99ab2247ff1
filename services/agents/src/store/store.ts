/** All that knows the tables of agents. */
import type { Bus, Database, OutboxRow } from '@clawmesh/chassis'
import { createAgentRows } from './agents.ts'
import { PrismaClient } from './client/client.ts'
import { createRunRows } from './runs.ts'
import { createSessionRows } from './sessions.ts'

interface StoreParts {
  database: Database
  bus: Bus
  /** Called after each committed transaction that wrote an event, with rows that the relay need not read back. */
  published: (claimed?: readonly OutboxRow[]) => void
}

/** The repositories of agents; those of a tenant's things cannot be had without the tenant. */
export const createAgentsStore = ({ database, bus, published }: StoreParts) => {
  const client = new PrismaClient(database.tenantClientOptions)
  return {
    forTenant: (tenantId: string) => {
      const prisma = database.clientOf(client, tenantId)
      return {
        agents: createAgentRows({ prisma, bus, published }, tenantId),
        sessions: createSessionRows({ prisma, database, published }, tenantId),
      }
    },
    runs: createRunRows(database, published),
  }
}

export type AgentsStore = ReturnType<typeof createAgentsStore>
