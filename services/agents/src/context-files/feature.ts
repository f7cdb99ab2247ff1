/** Context files: the texts of which an agent's prompt is made. */
import type { Mesh, ServiceDb } from '@clawmesh/chassis'
import type { AgentLookup } from '../agents/lookup.ts'
import type { PrismaClient } from '../db/client/client.ts'
import { createContextFileRows } from './rows.ts'
import { createContextFileRpc } from './rpc.ts'
import type { ContextFile } from './types.ts'
import { createContextFileUseCases } from './use-cases.ts'

/** Files of so many agents and users are kept in memory. */
const cachedLists = 10_000

export const createContextFiles = (mesh: Mesh, db: ServiceDb<PrismaClient>, { find }: Pick<AgentLookup, 'find'>) => {
  const files = createContextFileUseCases({
    rowsOf: createContextFileRows(db),
    findAgent: find,
    cache: mesh.cache<ContextFile[]>('context_files', cachedLists),
  })
  return { rpc: createContextFileRpc(files), files }
}
