/** Whose rows a statement may touch, as PostgreSQL is told: a role and a tenant, for one transaction (docs/adr/0008). */

/** Works for one tenant: its policies show the rows of the bound tenant only. */
export const appRole = 'clawmesh_app'
/** Works for the system, over all tenants. */
export const systemRole = 'clawmesh_system'

export interface Binding {
  role: typeof appRole | typeof systemRole
  /** Empty for none. */
  tenantId: string
}

const uuidPattern = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i

export const systemBinding: Binding = { role: systemRole, tenantId: '' }

/** @throws TypeError when it is no UUID, as no tenant is then meant */
export const tenantBinding = (tenantId: string): Binding => {
  if (!uuidPattern.test(tenantId)) throw new TypeError(`${JSON.stringify(tenantId)} is no tenant's id`)
  return { role: appRole, tenantId }
}

/** Sets the binding that it is given as `bindingValues`; `true` makes it end with the transaction. */
export const bindSql = `SELECT set_config('role', $1, true), set_config('clawmesh.tenant_id', $2, true)`
export const bindingValues = ({ role, tenantId }: Binding): string[] => [role, tenantId]

/**
 * Begins a transaction with a binding, in one round trip of the simple protocol, so the values stand in the text. Without
 * a SELECT, after which no isolation level can be set.
 */
export const beginSql = ({ role, tenantId }: Binding): string =>
  `BEGIN; SET LOCAL ROLE ${role}; SET LOCAL clawmesh.tenant_id = '${tenantId}'`
