/** What the accounts of a pool did of late. */
import type { Database } from '@clawmesh/chassis'
import { createPoolCallRows } from './rows.ts'
import { createPoolActivityRpc } from './rpc.ts'

export const createAccountPools = (database: Database) => ({ rpc: createPoolActivityRpc(createPoolCallRows(database)) })
