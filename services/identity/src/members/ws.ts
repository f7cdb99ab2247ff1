import { ws } from '@clawmesh/contracts'
import { implementWs } from '@clawmesh/chassis'
import { toResponse } from './shown.ts'
import type { MemberUseCases } from './use-cases.ts'

export const createMemberWs = (members: MemberUseCases) =>
  implementWs(ws.members)({
    'tenants.users.list': async ({ params }) => ({ users: (await members.list(params.tenantId)).map(toResponse) }),
    'tenants.users.add': async ({ call, params: { tenantId, ...member } }) => {
      await members.add(call, tenantId, member)
      return { ok: 'true' }
    },
    'tenants.users.remove': async ({ call, params: { tenantId, userId } }) => {
      await members.remove(call, tenantId, userId)
      return { ok: 'true' }
    },
  })
