import { ws } from '@clawmesh/contracts'
import { implementWs } from '@clawmesh/chassis'
import { toResponse } from './shown.ts'
import type { TenantUseCases } from './use-cases.ts'

export const createTenantWs = (tenants: TenantUseCases) =>
  implementWs(ws.tenants)({
    'tenants.mine': async ({ caller }) => ({ tenants: await tenants.mine(caller) }),
    'tenants.list': async () => ({ tenants: (await tenants.list()).map(toResponse) }),
    'tenants.get': async ({ params }) => toResponse(await tenants.get(params.id)),
    'tenants.create': async ({ call, params }) => toResponse(await tenants.create(call, params)),
    'tenants.update': async ({ call, params: { id, ...changes } }) => {
      await tenants.update(call, id, changes)
      return { ok: 'true' }
    },
  })
