import { z } from 'zod'
import { idParams, json, okString, slug, timestamp, uuid } from '../common.ts'
import { defineHttpTable } from '../operation.ts'

const tenant = z
  .object({
    id: uuid,
    name: z.string(),
    slug: z.string(),
    status: z.enum(['active', 'suspended', 'archived']),
    settings: json.optional(),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'Tenant', description: 'A tenant of the installation' })

export const tenants = defineHttpTable('identity', {
  listTenants: {
    method: 'GET',
    path: '/v1/tenants',
    role: 'owner',
    summary: 'All tenants',
    response: { 200: z.object({ tenants: z.array(tenant) }) },
    errors: [],
  },
  createTenant: {
    method: 'POST',
    path: '/v1/tenants',
    role: 'owner',
    orScope: 'operator.provision',
    summary: 'Create a tenant',
    body: z.object({
      name: z.string().trim().min(1).max(255),
      slug: slug(100).optional().describe('Derived from the name when absent'),
      settings: json.optional(),
    }),
    response: { 201: tenant },
    errors: [400, 409],
  },
  getTenant: {
    method: 'GET',
    path: '/v1/tenants/{id}',
    role: 'owner',
    summary: 'One tenant',
    params: idParams,
    response: { 200: tenant },
    errors: [400, 404],
  },
  updateTenant: {
    method: 'PATCH',
    path: '/v1/tenants/{id}',
    role: 'owner',
    summary: 'Change name, status or settings of a tenant',
    params: idParams,
    body: z.object({
      name: z.string().max(255).optional(),
      status: z.enum(['active', 'suspended', 'archived']).optional(),
      settings: json.optional(),
    }),
    response: { 200: okString },
    errors: [400, 404],
  },
})
