import { z } from 'zod'
import { okString, userId, uuid } from '../../http/common.ts'
import { newMember, tenantUsers } from '../../http/identity/members.ts'
import { defineWsTable } from '../method.ts'

const tenantId = uuid.describe('Id of the tenant')

export const members = defineWsTable('identity', {
  'tenants.users.list': {
    role: 'owner',
    summary: 'Members of a tenant, in the order in which they came; none for an unknown tenant',
    rules: { isAsOverHttp: 'Members are listed as over HTTP; the tenant may be named `id`' },
    params: z.object({ tenant_id: tenantId }),
    aliases: { tenant_id: ['id'] },
    result: tenantUsers,
    errors: [],
  },
  'tenants.users.add': {
    role: 'owner',
    orScope: 'operator.provision',
    summary: 'Add a user to a tenant, or change the role of a member',
    rules: {
      changesRoles: 'The role is `member` unless said, and a member who is added again gets the new one',
      opensToProvisioners:
        'An API key with `operator.provision` adds members to its own tenant, a system key to any; what it does not reach is NOT_FOUND',
    },
    params: newMember.extend({ tenant_id: tenantId }),
    result: okString,
    errors: ['NOT_FOUND'],
  },
  'tenants.users.remove': {
    role: 'owner',
    summary: 'Remove a user from a tenant; fine for a user who is no member',
    rules: { endsAccess: 'The user is no member any more, and caches evict the membership, as over HTTP' },
    params: z.object({ tenant_id: tenantId, user_id: userId.min(1) }),
    result: okString,
    errors: [],
  },
})
