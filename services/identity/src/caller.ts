import { MeshError, roleIncludes, type Caller } from '@clawmesh/contracts'

export const isSystemOwner = ({ role }: Pick<Caller, 'role'>): boolean => roleIncludes(role, 'owner')

export const unknownTenant = (id: string): MeshError =>
  new MeshError('NOT_FOUND', 'error.not_found', { kind: 'tenant', id })
