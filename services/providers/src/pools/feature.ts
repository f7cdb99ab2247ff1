/** Pools of ChatGPT accounts: who serves a call, and what their accounts did of late. */
import { TracesServiceService } from '@clawmesh/contracts/gen/clawmesh/traces/v1/traces.ts'
import type { Feature, Logger, Mesh, ServiceDb } from '@clawmesh/chassis'
import type { AccountUsage } from '../accounts/usage.ts'
import type { PrismaClient } from '../db/client/client.ts'
import type { ProviderConnection } from '../providers/connection.ts'
import type { ProviderSelection } from '../providers/selection.ts'
import type { ProviderUseCases } from '../providers/use-cases.ts'
import { createEligibility } from './eligibility.ts'
import { createPoolHttp } from './http.ts'
import { createPoolRpc } from './rpc.ts'
import { createPoolSelection } from './select.ts'
import { createTurns } from './turns.ts'

/** Accounts of which it is known whether they can serve. */
const knownAccounts = 10_000

interface Parts {
  mesh: Mesh
  db: ServiceDb<PrismaClient>
  log: Logger
  selection: ProviderSelection
  providers: ProviderUseCases
  usageOf: (connection: ProviderConnection) => Promise<AccountUsage>
}

export const createPools = ({ mesh, db, log, selection, providers, usageOf }: Parts) => {
  const eligibility = createEligibility({ usageOf, cache: mesh.cache('providers', knownAccounts), log })
  const pools = createPoolSelection({ selection, eligibility, nextTurn: createTurns(db), log })
  const traces = mesh.client(TracesServiceService)
  return {
    pools,
    http: createPoolHttp({ providers, pools, traces }),
    rpc: createPoolRpc(selection, pools),
  } satisfies Feature & Record<string, unknown>
}
