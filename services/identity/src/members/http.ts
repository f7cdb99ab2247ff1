import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import { toResponse } from './shown.ts'
import type { TenantUser } from './types.ts'
import type { MemberUseCases } from './use-cases.ts'

const toResult = ({ id, userId, displayName, role }: TenantUser) => ({
  id: userId,
  uuid: id,
  displayName,
  source: 'tenant_user' as const,
  role,
})

export const createMemberHttp = (members: MemberUseCases) =>
  implementHttp(http.members)({
    listTenantMembers: async ({ params }) => ({ users: (await members.list(params.id)).map(toResponse) }),
    addTenantMember: async ({ call, params, body }) => {
      await members.add(call, params.id, body)
      return { ok: 'true' }
    },
    removeTenantMember: async ({ call, params }) => {
      await members.remove(call, params.id, params.userId)
      return { ok: 'true' }
    },
    listTenantUsers: async ({ caller }) => ({ users: (await members.list(caller.tenantId)).map(toResponse) }),
    searchUsers: async ({ caller, query }) => ({ results: (await members.search(caller, query)).map(toResult) }),
  })
