/** What a tenant has and what is at work, for dashboards. */
import type { ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import { createStatusRows } from './rows.ts'
import { createStatusRpc } from './rpc.ts'

export const createStatus = (db: ServiceDb<PrismaClient>) => ({ rpc: createStatusRpc(createStatusRows(db)) })
