import { ws } from '@clawmesh/contracts'
import { implementWs } from '@clawmesh/chassis'
import type { UsageCapUseCases } from './use-cases.ts'

export const createUsageCapWs = (caps: UsageCapUseCases) =>
  implementWs(ws.usageCaps)({
    'usage.caps.list': ({ caller, params }) => caps.list(caller, params),
    'usage.caps.get': async ({ caller, params }) => ({ cap: await caps.get(caller, params.id) }),
    'usage.caps.create': async ({ call, params }) => ({ cap: await caps.create(call, params) }),
    'usage.caps.update': async ({ call, params: { id, ...changes } }) => ({
      cap: await caps.update(call, id, changes),
    }),
    'usage.caps.delete': async ({ call, params }) => {
      await caps.remove(call, params.id)
      return { status: 'deleted' }
    },
    'usage.caps.utilization': ({ caller, params }) => caps.utilization(caller, params),
  })
