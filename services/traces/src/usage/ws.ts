import { ws } from '@clawmesh/contracts'
import { implementWs } from '@clawmesh/chassis'
import type { UsageUseCases } from './use-cases.ts'

export const createUsageWs = (usage: UsageUseCases) =>
  implementWs(ws.usage)({
    'usage.get': ({ caller, params }) => usage.sessions(caller, params),
    'usage.summary': async ({ caller }) => {
      const byAgent = await usage.byAgent(caller)
      const totalRecords = [...byAgent.values()].reduce((sum, { sessions }) => sum + sessions, 0)
      return { byAgent: Object.fromEntries(byAgent), totalRecords }
    },
    'quota.usage': async ({ caller }) => {
      const { enabled, entries, totals } = await usage.quota(caller)
      const { requests, inputTokens, outputTokens, cost, uniqueUsers } = totals
      return {
        enabled,
        requestsToday: requests,
        inputTokensToday: inputTokens,
        outputTokensToday: outputTokens,
        costToday: cost,
        uniqueUsersToday: uniqueUsers,
        entries,
      }
    },
  })
