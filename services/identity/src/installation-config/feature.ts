/** What of the installation's configuration was changed while it ran. */
import type { ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import { createStoredConfigRows } from './rows.ts'
import { createStoredConfigRpc } from './rpc.ts'
import { createStoredConfigUseCases } from './use-cases.ts'

export const createInstallationConfig = (db: ServiceDb<PrismaClient>) => ({
  rpc: createStoredConfigRpc(createStoredConfigUseCases(createStoredConfigRows(db))),
})
