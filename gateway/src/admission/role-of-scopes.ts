import type { Role } from '@clawmesh/contracts'

const operatorScopes = ['operator.write', 'operator.approvals', 'operator.pairing']

/** The role that an API key's scopes give. No key is ever the system owner. */
export const roleOfScopes = (scopes: readonly string[]): Role => {
  if (scopes.includes('operator.admin')) return 'admin'
  return operatorScopes.some((scope) => scopes.includes(scope)) ? 'operator' : 'viewer'
}
