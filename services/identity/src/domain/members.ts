import { masterTenantId, MeshError, roleIncludes, type Caller } from '@clawmesh/contracts'
import { actorOf, type Call } from '@clawmesh/chassis'
import type { IdentityStore } from '../store/store.ts'
import type { TenantRole, TenantUser } from './types.ts'

export interface UserSearch {
  /** Part of a user id or name, in any case; empty finds everybody. */
  text: string
  source?: 'contact' | 'tenant_user' | undefined
  limit: number
}

/**
 * System owners reach every tenant. Others came by `operator.provision`: from the master tenant, where keys of the whole
 * installation live, they do too; from any other tenant only that one.
 */
const reaches = (caller: Caller, tenantId: string): boolean =>
  roleIncludes(caller.role, 'owner') || caller.tenantId === masterTenantId || caller.tenantId === tenantId

const unknownTenant = (id: string) => new MeshError('NOT_FOUND', 'error.not_found', { kind: 'tenant', id })

/** Who belongs to a tenant. */
export const createMemberUseCases = (store: IdentityStore) => ({
  /** Members in the order in which they came; none for an unknown tenant. */
  list: (tenantId: string): Promise<TenantUser[]> => store.members(tenantId).list(),

  /** Adds a user, or gives a member another role. @throws NOT_FOUND for a tenant that is unknown or out of reach */
  add: async (call: Call, tenantId: string, userId: string, role: TenantRole): Promise<void> => {
    const added = reaches(call.caller, tenantId) && (await store.members(tenantId).put(userId, role, actorOf(call)))
    if (!added) throw unknownTenant(tenantId)
  },

  /** Removes a user, who loses access at once; fine for one who is no member. */
  remove: (call: Call, tenantId: string, userId: string): Promise<void> =>
    store.members(tenantId).remove(userId, actorOf(call)),

  /** Users of the caller's tenant. There are no contacts yet, so a search among those only finds nobody. */
  search: async (caller: Caller, { text, source, limit }: UserSearch): Promise<TenantUser[]> =>
    source === 'contact' ? [] : store.members(caller.tenantId).search(text, limit),

  roleOf: (tenantId: string, userId: string): Promise<TenantRole | undefined> => store.members(tenantId).roleOf(userId),
})

export type MemberUseCases = ReturnType<typeof createMemberUseCases>
