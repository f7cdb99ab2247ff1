import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import type { SummoningUseCases } from './use-cases.ts'

const accepted = { ok: 'true', status: 'summoning' } as const

export const createSummoningHttp = (summoning: SummoningUseCases) =>
  implementHttp(http.summoning)({
    regenerateAgent: async ({ call, params, body }) => {
      await summoning.regenerate(call, params.id, body.prompt)
      return accepted
    },
    resummonAgent: async ({ call, params }) => {
      await summoning.resummon(call, params.id)
      return accepted
    },
    cancelAgentSummoning: async ({ call, params }) => ({
      ok: 'true',
      status: await summoning.cancel(call, params.id),
    }),
  })
