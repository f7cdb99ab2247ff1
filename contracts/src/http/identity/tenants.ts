import { z } from 'zod'
import { idParams, json, okString, slug, timestamp, uuid } from '../common.ts'
import { defineHttpTable } from '../operation.ts'

export const tenantStatus = z.enum(['active', 'suspended', 'archived'])

export const tenant = z
  .object({
    id: uuid,
    name: z.string(),
    slug: z.string(),
    status: tenantStatus,
    settings: json.optional(),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'Tenant', description: 'A tenant of the installation' })

export const newTenant = z.object({
  name: z.string().trim().min(1).max(255),
  slug: slug(100).optional().describe('Derived from the name when absent'),
  settings: json.optional(),
})
export const tenantChanges = z.object({
  name: z.string().max(255).optional(),
  status: tenantStatus.optional(),
  settings: json.optional(),
})

export const tenants = defineHttpTable('identity', {
  listTenants: {
    method: 'GET',
    path: '/v1/tenants',
    role: 'owner',
    summary: 'All tenants',
    rules: {
      isForSystemOwners: 'An admin is refused',
      listsAll: 'All tenants are listed in the order in which they came, the master tenant and closed ones included',
    },
    response: { 200: z.object({ tenants: z.array(tenant) }) },
    errors: [],
  },
  createTenant: {
    method: 'POST',
    path: '/v1/tenants',
    role: 'owner',
    orScope: 'operator.provision',
    summary: 'Create a tenant',
    rules: {
      derivesTheSlug:
        'A slug that is absent is made of the name, letters of other scripts transliterated; it is never a reserved word',
      checksTheSlug: 'A slug has lower-case letters, digits and inner hyphens, at most 100',
      keepsSlugsUnique: 'A slug that is taken is answered 409',
      opensToProvisioners: 'An API key with `operator.provision` may create tenants',
      startsActive: 'A tenant starts active, with the settings that are given; empty settings are left out of answers',
      isRecorded: 'Caches of tenants and members evict, and the creation is an event of the master tenant',
    },
    body: newTenant,
    response: { 201: tenant },
    errors: [400, 409],
  },
  getTenant: {
    method: 'GET',
    path: '/v1/tenants/{id}',
    role: 'owner',
    summary: 'One tenant',
    rules: {
      takesIds: 'Answers the tenant without an envelope; an unknown id is answered 404, and a slug 400',
    },
    params: idParams,
    response: { 200: tenant },
    errors: [400, 404],
  },
  updateTenant: {
    method: 'PATCH',
    path: '/v1/tenants/{id}',
    role: 'owner',
    summary: 'Change name, status or settings of a tenant',
    rules: {
      leavesTheRest:
        'Absent fields and an empty name change nothing, nothing left to change is answered 400, and settings are replaced as a whole',
      checksStatusAndId: 'An unknown status is answered 400, an unknown tenant 404',
      closesTenants:
        'A tenant that is suspended or archived is closed to its callers at once, and their connections end',
      isRecorded: 'Caches of tenants and members evict, and the change is an event of the master tenant',
    },
    params: idParams,
    body: tenantChanges,
    response: { 200: okString },
    errors: [400, 404],
  },
})
