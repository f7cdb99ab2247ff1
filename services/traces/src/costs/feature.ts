/** What agents have cost: over the traces that are kept, and in a month. */
import type { Feature } from '@clawmesh/chassis'
import type { TracesConfig } from '../config.ts'
import type { SpanStore } from '../span-store/port.ts'
import { createCostHttp } from './http.ts'
import { createCostRpc } from './rpc.ts'
import { createCostUseCases } from './use-cases.ts'

export const createCosts = (spans: SpanStore, { retentionDays }: Pick<TracesConfig, 'retentionDays'>) => {
  const costs = createCostUseCases(spans, retentionDays)
  return { http: createCostHttp(costs), rpc: createCostRpc(costs) } satisfies Feature & { rpc: object }
}
