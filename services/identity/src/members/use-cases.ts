import { masterTenantId, type Caller } from '@clawmesh/contracts'
import { actorOf, type Actor, type Call } from '@clawmesh/chassis'
import { isSystemOwner, unknownTenant } from '../caller.ts'
import type { NewMember, TenantRole, TenantUser, UserSearch } from './types.ts'

/** The members of one tenant. */
export interface MemberRows {
  /** In the order in which they came. */
  list: () => Promise<TenantUser[]>
  /** Those with a text in their id or name, in any case; empty finds everybody. */
  search: (text: string, limit: number) => Promise<TenantUser[]>
  roleOf: (userId: string) => Promise<TenantRole | undefined>
  /** Adds a member or changes their role. @throws NOT_FOUND when the tenant does not exist */
  put: (member: NewMember, actor: Actor) => Promise<void>
  remove: (userId: string, actor: Actor) => Promise<void>
  /** Records that somebody was refused. */
  recordDenial: (userId: string) => Promise<void>
}

/**
 * System owners reach every tenant. Others came by `operator.provision`: from the master tenant, where keys of the whole
 * installation live, they do too; from any other tenant only that one.
 */
const reaches = (caller: Caller, tenantId: string): boolean =>
  isSystemOwner(caller) || caller.tenantId === masterTenantId || caller.tenantId === tenantId

/** Who belongs to a tenant. */
export const createMemberUseCases = (rowsOf: (tenantId: string) => MemberRows) => ({
  /** Members in the order in which they came; none for an unknown tenant. */
  list: (tenantId: string): Promise<TenantUser[]> => rowsOf(tenantId).list(),

  /** Adds a user, or gives a member another role. @throws NOT_FOUND for a tenant that is unknown or out of reach */
  add: async (call: Call, tenantId: string, member: NewMember): Promise<void> => {
    if (!reaches(call.caller, tenantId)) throw unknownTenant(tenantId)
    await rowsOf(tenantId).put(member, actorOf(call))
  },

  /** Removes a user, who loses access at once; fine for one who is no member. */
  remove: (call: Call, tenantId: string, userId: string): Promise<void> =>
    rowsOf(tenantId).remove(userId, actorOf(call)),

  /** Users of the caller's tenant. There are no contacts yet, so a search among those only finds nobody. */
  search: async ({ tenantId }: Caller, { q, source, limit }: UserSearch): Promise<TenantUser[]> =>
    source === 'contact' ? [] : rowsOf(tenantId).search(q, limit),

  roleOf: (tenantId: string, userId: string): Promise<TenantRole | undefined> => rowsOf(tenantId).roleOf(userId),

  /**
   * The role of somebody who asks for a tenant; undefined for who is no member, which the tenant's activity log tells. The edge
   * remembers the answer, so a user who asks over and over is recorded once in a while.
   */
  roleOfAsking: async (tenantId: string, userId: string): Promise<TenantRole | undefined> => {
    const rows = rowsOf(tenantId)
    const role = await rows.roleOf(userId)
    if (role === undefined) await rows.recordDenial(userId)
    return role
  },
})

export type MemberUseCases = ReturnType<typeof createMemberUseCases>
