import { z } from 'zod'
import { idParams, okString, uuid } from '../../http/common.ts'
import { tenantRole } from '../../http/identity/members.ts'
import { newTenant, tenant, tenantChanges, tenantStatus } from '../../http/identity/tenants.ts'
import { defineWsTable } from '../method.ts'

export const tenants = defineWsTable('identity', {
  'tenants.mine': {
    role: 'authenticated',
    summary: 'Tenants that the caller may enter',
    rules: {
      listsMemberships:
        'The active tenants of which the user is a member, with the role there, in the order of the tenants',
      listsAllToOwners: 'A system owner is listed every tenant, as their owner',
      isEmptyWithoutAUser: 'A caller who names no user has none',
      staysInsideOtherCredentials:
        'A credential other than the gateway token vouches for its user in one tenant, and is told of that one only',
    },
    params: z.object({}),
    result: z.object({
      tenants: z.array(
        z.object({ id: uuid, name: z.string(), slug: z.string(), role: tenantRole, status: tenantStatus }),
      ),
    }),
    errors: [],
  },
  'tenants.list': {
    role: 'owner',
    summary: 'All tenants',
    rules: { isAsOverHttp: 'Tenants are listed as `GET /v1/tenants` lists them' },
    params: z.object({}),
    result: z.object({ tenants: z.array(tenant) }),
    errors: [],
  },
  'tenants.get': {
    role: 'owner',
    summary: 'One tenant',
    rules: { isAsOverHttp: 'The tenant is shown as `GET /v1/tenants/{id}` shows it; an unknown id is NOT_FOUND' },
    params: idParams,
    result: tenant,
    errors: ['NOT_FOUND'],
  },
  'tenants.create': {
    role: 'owner',
    orScope: 'operator.provision',
    summary: 'Create a tenant',
    rules: {
      isAsOverHttp: 'What `POST /v1/tenants` takes makes the same tenant; a slug that is taken is ALREADY_EXISTS',
      opensToProvisioners: 'An API key with `operator.provision` may create tenants',
    },
    params: newTenant,
    result: tenant,
    errors: ['ALREADY_EXISTS'],
  },
  'tenants.update': {
    role: 'owner',
    summary: 'Change name, status or settings of a tenant',
    rules: {
      isAsOverHttp: 'Absent fields change nothing, and nothing left to change is INVALID_REQUEST, as over HTTP',
    },
    params: idParams.extend(tenantChanges.shape),
    result: okString,
    errors: ['NOT_FOUND'],
  },
})
