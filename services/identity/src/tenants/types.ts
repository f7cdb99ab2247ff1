/** What identity knows of a tenant. */
import type { http, ws } from '@clawmesh/contracts'
import type { BodyShape, ResponseShape } from '@clawmesh/chassis'
import type { JsonObject } from '../json.ts'

type Operations = typeof http.tenants.operations

export type Tenant = Omit<ResponseShape<Operations['getTenant']['response'][200]>, 'settings'> & {
  settings: JsonObject
}
export type NewTenant = BodyShape<Operations['createTenant']>
export type TenantChanges = BodyShape<Operations['updateTenant']>

/** A tenant as one of those that a user may enter. */
export type Membership = ResponseShape<(typeof ws.tenants)['methods']['tenants.mine']['result']>['tenants'][number]
