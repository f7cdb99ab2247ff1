import { MeshError, type Caller } from '@clawmesh/contracts'
import { actorOf, keyOfName, newId, type Actor, type Call } from '@clawmesh/chassis'
import { isSystemOwner, unknownTenant } from '../caller.ts'
import type { Membership, NewTenant, Tenant, TenantChanges } from './types.ts'

/** The tenants of the installation. */
export interface TenantRows {
  /** In the order in which they came. */
  list: () => Promise<Tenant[]>
  find: (id: string) => Promise<Tenant | undefined>
  /** The active tenants of which a user is a member. */
  ofMember: (userId: string) => Promise<Membership[]>
  findByIdOrSlug: (idOrSlug: string) => Promise<Tenant | undefined>
  /** @throws ALREADY_EXISTS when the slug is taken */
  insert: (tenant: Pick<Tenant, 'id' | 'name' | 'slug' | 'settings'>, actor: Actor) => Promise<Tenant>
  /** False when there is none. */
  update: (id: string, changes: TenantChanges, actor: Actor) => Promise<boolean>
}

const maxSlugLength = 100

/** Tenants of the installation; callers are system owners or hold `operator.provision`. */
export const createTenantUseCases = (rows: TenantRows) => {
  const { find } = rows
  return {
    find,
    list: rows.list,

    /** Tenants that a caller may enter. Only the gateway token vouches for a user in every tenant. */
    mine: async (caller: Caller): Promise<Membership[]> => {
      const { userId, credential, tenantId } = caller
      if (isSystemOwner(caller))
        return (await rows.list()).map(({ id, name, slug, status }) => ({ id, name, slug, status, role: 'owner' }))
      if (userId === '') return []
      const memberships = await rows.ofMember(userId)
      return credential === 'gateway-token' ? memberships : memberships.filter(({ id }) => id === tenantId)
    },

    /** @throws NOT_FOUND */
    get: async (id: string): Promise<Tenant> => {
      const tenant = await find(id)
      if (tenant === undefined) throw unknownTenant(id)
      return tenant
    },

    /** @throws ALREADY_EXISTS when the slug is taken */
    create: (
      call: Call,
      { name, slug = keyOfName(name, 'tenant', maxSlugLength), settings = {} }: NewTenant,
    ): Promise<Tenant> => rows.insert({ id: newId(), name, slug, settings }, actorOf(call)),

    /** Absent fields and empty names change nothing. @throws INVALID_REQUEST when nothing is left to change, NOT_FOUND */
    update: async (call: Call, id: string, { name, status, settings }: TenantChanges): Promise<void> => {
      const changes = { name: name || undefined, status, settings }
      if (Object.values(changes).every((value) => value === undefined))
        throw new MeshError('INVALID_REQUEST', 'error.invalid_updates')
      if (!(await rows.update(id, changes, actorOf(call)))) throw unknownTenant(id)
    },

    /** A tenant by id or slug. */
    resolve: rows.findByIdOrSlug,
  }
}

export type TenantUseCases = ReturnType<typeof createTenantUseCases>
