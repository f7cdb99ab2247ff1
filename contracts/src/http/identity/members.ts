import { z } from 'zod'
import { idParams, json, lenient, okString, page, timestamp, userId, uuid } from '../common.ts'
import { defineHttpTable } from '../operation.ts'

const tenantRoles = ['owner', 'admin', 'operator', 'member', 'viewer'] as const
export const tenantRole = z.enum(tenantRoles)

const tenantUser = z
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
export const tenantUsers = z.object({ users: z.array(tenantUser) })

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

export const newMember = z.object({ user_id: userId.min(1), role: tenantRole.default('member') })

export const members = defineHttpTable('identity', {
  listTenantMembers: {
    method: 'GET',
    path: '/v1/tenants/{id}/users',
    role: 'owner',
    summary: 'Members of a tenant, in the order in which they came; none for an unknown tenant',
    rules: {
      ordersByArrival: 'Members come in the order in which they were added; an unknown tenant has none',
    },
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
    rules: {
      changesRoles: 'A member who is added again gets the new role, and the answer is 201 as before',
      checksTheRole: 'The role is `member` unless said, and one of five',
      checksTheTenant: 'An unknown tenant is answered 404, a user id above 255 characters 400',
      isRecorded: 'Caches evict what they know of the user, and the addition is an event of the tenant',
    },
    params: idParams,
    body: newMember,
    response: { 201: okString },
    errors: [400, 404],
  },
  removeTenantMember: {
    method: 'DELETE',
    path: '/v1/tenants/{id}/users/{userId}',
    role: 'owner',
    summary: 'Remove a user from a tenant; fine for a user who is no member',
    rules: {
      isFineForStrangers: 'A user who is no member is answered 200 as well',
      endsAccess:
        "Caches evict the membership, the removal is an event, and the user's live connections receive `tenant.access.revoked` and are closed",
    },
    params: z.object({ id: uuid.describe('Id of the tenant'), userId: userId.min(1).describe('Id of the user') }),
    response: { 200: okString },
    errors: [400],
  },
  listTenantUsers: {
    method: 'GET',
    path: '/v1/tenant-users',
    role: 'viewer',
    summary: "Users of the caller's tenant, in the order in which they came",
    rules: {
      ordersByArrival: 'Users come in the order in which they were added, without pages',
      isOfTheCallersTenant: 'Every role sees the users of its own tenant, and no others',
    },
    response: { 200: tenantUsers },
    errors: [],
  },
  searchUsers: {
    method: 'GET',
    path: '/v1/users/search',
    role: 'viewer',
    summary: "Contacts and users of the caller's tenant whose id or name contains a text",
    rules: {
      findsAnyPart:
        'A part of the user id or of the display name is found in any case, in the order in which the users came; an empty `q` finds everybody',
      takesWildcardsLiterally: '`%`, `_` and backslashes stand for themselves',
      filtersBySource:
        '`source` keeps contacts or users of the tenant; `peer_kind` filters contacts only, and unknown values of either are dropped',
      capsTheLimit:
        'A limit above 100 is 100, and 30 where none is given; zero, a negative or an unreadable one is refused',
      showsBothIds: "A user of the tenant is shown by the user id, with the membership's id as `uuid`",
    },
    query: z.object({
      q: z.string().default('').describe('Text that the id or name contains'),
      peer_kind: lenient(z.enum(['direct', 'group'])).describe('Filters contacts only'),
      source: lenient(z.enum(['contact', 'tenant_user'])).describe('Only contacts, or only users of the tenant'),
      limit: page(30, 100).limit,
    }),
    response: { 200: z.object({ results: z.array(userSearchResult) }) },
    errors: [],
  },
})
