import { z } from 'zod'
import { apiKeyScopes } from '../caller.ts'
import { json, idParams, lenient, okString, page, slug, statusIs, timestamp, userId, uuid } from './common.ts'
import { defineHttpService } from './operation.ts'

const scope = z.enum(apiKeyScopes)

export const apiKey = z
  .object({
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
  .meta({ id: 'ApiKey', description: 'An API key without its secret' })

export const tenant = z
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

export const tenantRoles = ['owner', 'admin', 'operator', 'member', 'viewer'] as const
const tenantRole = z.enum(tenantRoles)

export const tenantUser = z
  .object({
    id: uuid,
    tenant_id: uuid,
    user_id: z.string(),
    display_name: z.string().optional(),
    role: tenantRole,
    metadata: json.optional(),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'TenantUser', description: 'A user of a tenant and the role there' })
const tenantUsers = z.object({ users: z.array(tenantUser) })

const userSearchResult = z
  .object({
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
  .meta({ id: 'UserSearchResult', description: 'A contact or a user of the tenant' })

/** Signatures that are made with a private key and checked with a public one (RFC 7518, section 3.1; RFC 9864). */
export const oidcAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const
/** What a token can make its bearer; nobody owns the system by a token. */
export const oidcRoles = ['viewer', 'operator', 'admin'] as const
export type OidcRole = (typeof oidcRoles)[number]
const oidcRole = z.enum(oidcRoles)
/** How long the address of an issuer may be. */
export const maxIssuerLength = 512
/** How many audiences of a token are looked at, and an issuer may be connected with. */
export const maxAudiences = 10
const httpUrl = z
  .string()
  .max(maxIssuerLength)
  .regex(/^https?:\/\/[^\s?#]+$/)
  .meta({ examples: ['https://login.example.org'] })
const claimName = z.string().min(1).max(255)

const oidcSettings = z.object({
  audiences: z
    .array(z.string().min(1).max(255))
    .min(1)
    .max(maxAudiences)
    .describe(
      'Tokens for one of these are accepted; of one issuer each audience is connected once in the installation',
    ),
  jwks_uri: z
    .string()
    .max(1_024)
    .regex(/^https?:\/\/[^\s#]+$/)
    .meta({ examples: ['https://login.example.org'] })
    .nullable()
    .describe('Address of the keys; null finds it by discovery'),
  algorithms: z.array(z.enum(oidcAlgorithms)).min(1).max(oidcAlgorithms.length),
  user_claim: claimName.describe('Claim that names the user; dots lead into objects'),
  role_claim: claimName.nullable().describe('Claim whose text or texts role_mapping knows; dots lead into objects'),
  role_mapping: z
    .record(z.string().min(1).max(255), oidcRole)
    .refine((mapping) => Object.keys(mapping).length <= 100, 'at most 100 values'),
  default_role: oidcRole.nullable().describe('Role of users whose claims give none; null refuses them'),
  clock_skew_seconds: z.number().int().min(0).max(300),
  enabled: z.boolean(),
})

const newOidcIssuer = oidcSettings.extend({
  issuer: httpUrl.describe('Exactly as the `iss` of its tokens'),
  jwks_uri: oidcSettings.shape.jwks_uri.default(null),
  algorithms: oidcSettings.shape.algorithms.default(['RS256', 'PS256', 'ES256', 'EdDSA']),
  user_claim: oidcSettings.shape.user_claim.default('sub'),
  role_claim: oidcSettings.shape.role_claim.default(null),
  role_mapping: oidcSettings.shape.role_mapping.default({}),
  default_role: oidcSettings.shape.default_role.default(null),
  clock_skew_seconds: oidcSettings.shape.clock_skew_seconds.default(60),
  enabled: oidcSettings.shape.enabled.default(true),
})

const oidcIssuer = oidcSettings
  .extend({
    id: uuid,
    tenant_id: uuid,
    issuer: z.string(),
    key_count: z.number().int().describe('Usable keys that are known'),
    keys_fetched_at: timestamp.nullable(),
    keys_error: z.string().nullable().describe('Why the last attempt to fetch the keys failed; null when it did not'),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'OidcIssuer', description: 'An OIDC issuer of a tenant, with the state of its keys' })

const tenantIssuerParams = z.object({
  id: uuid.describe('Id of the tenant'),
  issuerId: uuid.describe('Id of the issuer'),
})

const configKeyParams = z.object({
  key: z
    .string()
    .regex(/^[a-zA-Z0-9._-]{1,100}$/)
    .describe('Name of the config value'),
})
const systemConfig = z
  .object({ key: z.string().meta({ examples: ['gateway.rate_limit_rpm'] }), value: z.string() })
  .meta({ id: 'SystemConfig', description: 'One config value of a tenant' })

/** How long a replaced API key goes on working, unless said otherwise. */
const defaultGraceSeconds = 48 * 3_600
const maxGraceSeconds = 30 * 86_400

const createdKey = apiKey.extend({
  key: z
    .string()
    .regex(/^goclaw_[0-9a-f]{32}$/)
    .meta({ examples: ['goclaw_00112233445566778899aabbccddeeff'] }),
})

export const identity = defineHttpService('identity', {
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
    params: z.object({ id: uuid.describe('Id of the tenant'), userId: userId.min(1).describe('Id of the user') }),
    response: { 200: okString },
    errors: [400],
  },
  listOidcIssuers: {
    method: 'GET',
    path: '/v1/tenants/{id}/oidc-issuers',
    role: 'admin',
    summary: "OIDC issuers whose tokens open the tenant, in the order in which they came; for the tenant's own admins",
    params: idParams,
    response: { 200: z.object({ issuers: z.array(oidcIssuer) }) },
    errors: [400, 404],
  },
  createOidcIssuer: {
    method: 'POST',
    path: '/v1/tenants/{id}/oidc-issuers',
    role: 'admin',
    summary: 'Connect an OIDC issuer; one that another tenant uses already is shared by system owners only',
    params: idParams,
    body: newOidcIssuer,
    bodyLimitBytes: 65_536,
    response: { 201: oidcIssuer },
    errors: [400, 404, 409],
  },
  getOidcIssuer: {
    method: 'GET',
    path: '/v1/tenants/{id}/oidc-issuers/{issuerId}',
    role: 'admin',
    summary: 'One OIDC issuer, with the state of its keys',
    params: tenantIssuerParams,
    response: { 200: oidcIssuer },
    errors: [400, 404],
  },
  updateOidcIssuer: {
    method: 'PATCH',
    path: '/v1/tenants/{id}/oidc-issuers/{issuerId}',
    role: 'admin',
    summary: 'Change an OIDC issuer; tokens accepted before are judged anew at once',
    params: tenantIssuerParams,
    body: oidcSettings.partial(),
    bodyLimitBytes: 65_536,
    response: { 200: oidcIssuer },
    errors: [400, 404, 409],
  },
  deleteOidcIssuer: {
    method: 'DELETE',
    path: '/v1/tenants/{id}/oidc-issuers/{issuerId}',
    role: 'admin',
    summary: 'Disconnect an OIDC issuer; its tokens are refused at once',
    params: tenantIssuerParams,
    response: { 200: okString },
    errors: [400, 404],
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
      q: z.string().default('').describe('Text that the id or name contains'),
      peer_kind: lenient(z.enum(['direct', 'group'])).describe('Filters contacts only'),
      source: lenient(z.enum(['contact', 'tenant_user'])).describe('Only contacts, or only users of the tenant'),
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
