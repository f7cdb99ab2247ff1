import type { http } from '@clawmesh/contracts'
import type { Handlers } from '@clawmesh/chassis'
import type { MemberUseCases } from '../domain/members.ts'
import type { TenantUser } from '../domain/types.ts'

const named = ({ displayName }: TenantUser) => (displayName === null ? {} : { display_name: displayName })

const toWire = (user: TenantUser) => ({
  id: user.id,
  tenant_id: user.tenantId,
  user_id: user.userId,
  ...named(user),
  role: user.role,
  ...(Object.keys(user.metadata).length === 0 ? {} : { metadata: user.metadata }),
  created_at: user.createdAt.toISOString(),
  updated_at: user.updatedAt.toISOString(),
})

const toResult = (user: TenantUser) => ({
  id: user.userId,
  uuid: user.id,
  ...named(user),
  source: 'tenant_user' as const,
  role: user.role,
})

export const createMemberHandlers = (
  members: MemberUseCases,
): Handlers<
  typeof http.identity,
  'listTenantMembers' | 'addTenantMember' | 'removeTenantMember' | 'listTenantUsers' | 'searchUsers'
> => ({
  listTenantMembers: async ({ params }) => ({ users: (await members.list(params.id)).map(toWire) }),
  addTenantMember: async ({ call, params, body }) => {
    await members.add(call, params.id, body.user_id, body.role)
    return { ok: 'true' }
  },
  removeTenantMember: async ({ call, params }) => {
    await members.remove(call, params.id, params.userId)
    return { ok: 'true' }
  },
  listTenantUsers: async ({ caller }) => ({ users: (await members.list(caller.tenantId)).map(toWire) }),
  searchUsers: async ({ caller, query: { q, source, limit } }) => ({
    results: (await members.search(caller, { text: q, source, limit })).map(toResult),
  }),
})
