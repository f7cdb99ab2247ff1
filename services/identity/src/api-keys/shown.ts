import type { ApiKey } from './types.ts'

/** What a system key shows as its tenant. */
const noTenant = '00000000-0000-0000-0000-000000000000'

/** A key as every transport shows it. */
export const toResponse = (key: ApiKey) => ({ ...key, tenantId: key.tenantId ?? noTenant })
