import { MeshError } from '@clawmesh/contracts'
import { actorOf, newId, type Call } from '@clawmesh/chassis'
import type { IdentityStore } from '../store/store.ts'
import type { Tenant, TenantStatus } from './types.ts'

/** A slug from a name: lower-case letters and digits, everything else a hyphen. */
export const slugify = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 100)
    .replace(/-+$/, '') || 'tenant'

const notFound = (id: string) => new MeshError('NOT_FOUND', 'error.not_found', { kind: 'tenant', id })

/** Tenants of the installation; callers are system owners or hold `operator.provision`. */
export const createTenantUseCases = (store: IdentityStore) => ({
  list: (): Promise<Tenant[]> => store.tenants.list(),

  /** @throws NOT_FOUND */
  get: async (id: string): Promise<Tenant> => {
    const tenant = await store.tenants.find(id)
    if (tenant === undefined) throw notFound(id)
    return tenant
  },

  /** @throws ALREADY_EXISTS when the slug is taken */
  create: (
    call: Call,
    input: { name: string; slug?: string | undefined; settings?: Record<string, unknown> | undefined },
  ): Promise<Tenant> =>
    store.tenants.insert(
      { id: newId(), name: input.name, slug: input.slug ?? slugify(input.name), settings: input.settings ?? {} },
      actorOf(call),
    ),

  /** Absent fields and empty names change nothing. @throws INVALID_REQUEST when nothing is left to change, NOT_FOUND */
  update: async (
    call: Call,
    id: string,
    input: {
      name?: string | undefined
      status?: TenantStatus | undefined
      settings?: Record<string, unknown> | undefined
    },
  ): Promise<void> => {
    const changes = {
      ...(input.name ? { name: input.name } : {}),
      ...(input.status === undefined ? {} : { status: input.status }),
      ...(input.settings === undefined ? {} : { settings: input.settings }),
    }
    if (Object.keys(changes).length === 0) throw new MeshError('INVALID_REQUEST', 'error.invalid_updates')
    if (!(await store.tenants.update(id, changes, actorOf(call)))) throw notFound(id)
  },

  /** A tenant by id or slug. */
  resolve: (idOrSlug: string): Promise<Tenant | undefined> => store.tenants.findByIdOrSlug(idOrSlug),
})

export type TenantUseCases = ReturnType<typeof createTenantUseCases>
