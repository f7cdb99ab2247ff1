/** What identity knows of the users of a tenant. */
import type { http } from '@clawmesh/contracts'
import type { BodyShape, QueryShape, ResponseShape } from '@clawmesh/chassis'
import type { JsonObject } from '../json.ts'

type Operations = typeof http.members.operations

/** A user's membership in a tenant. */
export type TenantUser = Omit<
  ResponseShape<Operations['listTenantMembers']['response'][200]>['users'][number],
  'metadata'
> & { metadata: JsonObject }
/** A user and what they are to be in a tenant; it does not change the role of requests. */
export type NewMember = BodyShape<Operations['addTenantMember']>
export type TenantRole = NewMember['role']
export type UserSearch = QueryShape<Operations['searchUsers']>
