import { z } from 'zod'
import { apiKeyScopes } from '../caller.ts'
import { json, idParams, lenient, okString, page, slug, statusIs, timestamp, userId, uuid } from './common.ts'
import { httpService } from './operation.ts'

const scope = z.enum(apiKeyScopes)

export const apiKey = z.object({
  id: uuid,
  tenant_id: uuid.describe('All zeros for a system key'),
  name: z.string().max(100),
  prefix: z.string(),
  scopes: z.array(scope),
  owner_id: z.string().optional(),
  expires_at: timestamp.nullable(),
  last_used_at: timestamp.nullable(),
  revoked: z.boolean(),
  created_by: z.string(),
  created_at: timestamp,
  updated_at: timestamp,
})

export const tenant = z.object({
  id: uuid,
  name: z.string(),
  slug: z.string(),
  status: z.enum(['active', 'suspended', 'archived']),
  settings: json.optional(),
  created_at: timestamp,
  updated_at: timestamp,
})

export const tenantRoles = ['owner', 'admin', 'operator', 'member', 'viewer'] as const
const tenantRole = z.enum(tenantRoles)

export const tenantUser = z.object({
  id: uuid,
  tenant_id: uuid,
  user_id: z.string(),
  display_name: z.string().optional(),
  role: tenantRole,
  metadata: json.optional(),
  created_at: timestamp,
  updated_at: timestamp,
})
const tenantUsers = z.object({ users: z.array(tenantUser) })

const userSearchResult = z.object({
  id: z.string().describe('Sender id of a contact, user id of a tenant user'),
  uuid: uuid.optional().describe('Only for source tenant_user'),
  display_name: z.string().optional(),
  username: z.string().optional(),
  source: z.enum(['contact', 'tenant_user']),
  channel_type: z.string().optional(),
  peer_kind: z.string().optional(),
  merged_tenant_user_id: z.string().optional().describe('User id of the tenant user that the contact is linked to'),
  role: z.string().optional().describe('Only for source tenant_user'),
})

const configKeyParams = z.object({ key: z.string().regex(/^[a-zA-Z0-9._-]{1,100}$/) })
const systemConfig = z.object({ key: z.string(), value: z.string() })

/** How long a replaced API key goes on working, unless said otherwise. */
const defaultGraceSeconds = 48 * 3_600
const maxGraceSeconds = 30 * 86_400

const createdKey = apiKey.extend({ key: z.string().regex(/^goclaw_[0-9a-f]{32}$/) })

export const identity = httpService('identity', {
  listApiKeys: {
    method: 'GET',
    path: '/v1/api-keys',
    role: 'admin',
    summary: 'All API keys, active and revoked, without the secret',
    response: { 200: z.array(apiKey) },
    errors: [],
  },
  createApiKey: {
    method: 'POST',
    path: '/v1/api-keys',
    role: 'admin',
    orScope: 'operator.provision',
    summary: 'Create an API key with no more rights than your own; the secret is shown in this answer only',
    body: z.object({
      name: z.string().trim().min(1).max(100),
      scopes: z.array(scope).min(1),
      expires_in: z.number().int().nullish().describe('Seconds; null, absent or not above 0 means never'),
      tenant_id: uuid.optional().describe('System owner only; absent makes a system key'),
      owner_id: userId.optional(),
    }),
    response: { 201: createdKey },
    errors: [400, 404],
  },
  rotateApiKey: {
    method: 'POST',
    path: '/v1/api-keys/{id}/rotate',
    role: 'admin',
    summary: 'Replace an API key by a new one with the same rights; the old one works on until a deadline',
    params: idParams,
    body: z
      .object({
        grace_seconds: z
          .number()
          .int()
          .min(0)
          .max(maxGraceSeconds)
          .default(defaultGraceSeconds)
          .describe('How long the old key goes on working; 0 ends it at once, an earlier end of its own stays'),
      })
      .prefault({}),
    response: { 201: createdKey.extend({ rotated_from: uuid, previous_expires_at: timestamp }) },
    errors: [400, 404, 412],
  },
  revokeApiKey: {
    method: 'POST',
    path: '/v1/api-keys/{id}/revoke',
    aliases: [{ method: 'DELETE', path: '/v1/api-keys/{id}', id: 'deleteApiKey' }],
    role: 'admin',
    summary: 'Revoke an API key for good',
    params: idParams,
    response: { 200: statusIs('revoked') },
    errors: [400, 404],
  },
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
  listTenantMembers: {
    method: 'GET',
    path: '/v1/tenants/{id}/users',
    role: 'owner',
    summary: 'Members of a tenant, in the order in which they came; none for an unknown tenant',
    params: idParams,
    response: { 200: tenantUsers },
    errors: [400],
  },
  addTenantMember: {
    method: 'POST',
    path: '/v1/tenants/{id}/users',
    role: 'owner',
    orScope: 'operator.provision',
    summary: 'Add a user to a tenant, or change the role of a member',
    params: idParams,
    body: z.object({ user_id: userId.min(1), role: tenantRole.default('member') }),
    response: { 201: okString },
    errors: [400, 404],
  },
  removeTenantMember: {
    method: 'DELETE',
    path: '/v1/tenants/{id}/users/{userId}',
    role: 'owner',
    summary: 'Remove a user from a tenant; fine for a user who is no member',
    params: z.object({ id: uuid, userId: userId.min(1) }),
    response: { 200: okString },
    errors: [400],
  },
  listTenantUsers: {
    method: 'GET',
    path: '/v1/tenant-users',
    role: 'viewer',
    summary: "Users of the caller's tenant, in the order in which they came",
    response: { 200: tenantUsers },
    errors: [],
  },
  searchUsers: {
    method: 'GET',
    path: '/v1/users/search',
    role: 'viewer',
    summary: "Contacts and users of the caller's tenant whose id or name contains a text",
    query: z.object({
      q: z.string().default(''),
      peer_kind: lenient(z.enum(['direct', 'group'])).describe('Filters contacts only'),
      source: lenient(z.enum(['contact', 'tenant_user'])),
      limit: page(30, 100).limit,
    }),
    response: { 200: z.object({ results: z.array(userSearchResult) }) },
    errors: [],
  },
  listSystemConfigs: {
    method: 'GET',
    path: '/v1/system-configs',
    role: 'viewer',
    summary: "All config keys of the caller's tenant, as one object of texts",
    response: { 200: z.record(z.string(), z.string()) },
    errors: [],
  },
  getSystemConfig: {
    method: 'GET',
    path: '/v1/system-configs/{key}',
    role: 'viewer',
    summary: 'One config value',
    params: configKeyParams,
    response: { 200: systemConfig },
    errors: [400, 404],
  },
  setSystemConfig: {
    method: 'PUT',
    path: '/v1/system-configs/{key}',
    role: 'admin',
    summary: 'Set one config value; keys that hold secrets are refused',
    params: configKeyParams,
    body: z.object({ value: z.string().default('') }),
    bodyLimitBytes: 65_536,
    response: { 200: systemConfig },
    errors: [400, 404],
  },
  deleteSystemConfig: {
    method: 'DELETE',
    path: '/v1/system-configs/{key}',
    role: 'admin',
    summary: 'Remove one config value; fine for one that is not set',
    params: configKeyParams,
    response: { 204: z.undefined() },
    errors: [400],
  },
  getEdition: {
    method: 'GET',
    path: '/v1/edition',
    role: 'public',
    summary: 'Edition in force and its limits; 0 and null are no limit',
    response: {
      200: z.object({
        name: z.enum(['standard', 'lite']),
        max_agents: z.number().int(),
        max_teams: z.number().int(),
        max_team_members: z.number().int(),
        max_channels: z.record(z.string(), z.number().int()).nullable(),
        max_subagent_concurrent: z.number().int(),
        max_subagent_depth: z.number().int(),
        kg_enabled: z.boolean(),
        rbac_enabled: z.boolean(),
        team_full_mode: z.boolean(),
        vector_search: z.boolean(),
      }),
    },
    errors: [],
  },
})
