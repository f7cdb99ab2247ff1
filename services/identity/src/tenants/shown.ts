import { unlessEmpty } from '../json.ts'
import type { Tenant } from './types.ts'

/** A tenant as every transport shows it. */
export const toResponse = (tenant: Tenant) => ({ ...tenant, settings: unlessEmpty(tenant.settings) })
