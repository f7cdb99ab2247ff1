/** The language runtimes of the machine, and its package helper. */
import { hostname } from 'node:os'
import type { Feature, Mesh, ServiceDb } from '@clawmesh/chassis'
import type { PackagesConfig } from '../config.ts'
import type { PrismaClient } from '../db/client/client.ts'
import type { Prober } from '../machine/probe.ts'
import { createRuntimeHttp } from './http.ts'
import { createRuntimeRows } from './rows.ts'
import { createRuntimeRpc } from './rpc.ts'
import { createCurrentRuntimes } from './use-cases.ts'

export const createRuntimes = (mesh: Mesh, db: ServiceDb<PrismaClient>, config: PackagesConfig, probes: Prober) => {
  const { helperSocket, versionTimeoutMs, keepMs } = config
  const rows = createRuntimeRows(db, hostname())
  const log = mesh.log.child({ service: 'packages' })
  const runtimes = createCurrentRuntimes({ probes, rows, log, helperSocket, versionTimeoutMs, keepMs })
  return { http: createRuntimeHttp(runtimes), rpc: createRuntimeRpc(runtimes) } satisfies Feature & { rpc: object }
}
