import { unlessEmpty } from '../json.ts'
import type { TenantUser } from './types.ts'

/** A member as every transport shows them. */
export const toResponse = (user: TenantUser) => ({ ...user, metadata: unlessEmpty(user.metadata) })
