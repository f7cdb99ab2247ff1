/** Where a user's files stand: one folder for a tenant, agent and user. Pure, touches no disk. */
import { isAbsolute, join, relative } from 'node:path'
import { trimEndOf, sha256Hex } from '@clawmesh/chassis'
import { masterTenantId, MeshError } from '@clawmesh/contracts'
import type { Workspace } from './types.ts'

export interface WorkspaceOwner {
  tenantId: string
  tenantSlug: string
  agentKey: string
  /** The agent's own workspace folder, relative or below the tenant's; empty means the agent key. */
  agentWorkspace?: string | undefined
  userId: string
  /** Whether all users of the agent share one folder. */
  shared?: boolean | undefined
}

/** Folders of the base that hold other things; an agent of that name gets an underscore. */
const reservedFolders = ['tenants', 'teams', 'skills-store', 'cli-workspaces']

const longestSanitised = 200

/**
 * The folder name of a user: the id where it consists of A-Za-z0-9_- alone. Else other characters become underscores, and
 * the first 8 hexadecimal digits of the id's SHA-256 keep it apart from ids that look alike then. They follow a dot, which
 * stands in no id that keeps its name.
 */
export const userFolder = (userId: string): string => {
  const sanitised = userId.replace(/[^A-Za-z0-9_-]/gu, '_')
  if (sanitised === userId && userId !== '') return userId
  const digits = sha256Hex(userId).slice(0, 8)
  return `${sanitised.slice(0, longestSanitised) || '_'}.${digits}`
}

const isFolderName = (name: string): boolean =>
  name !== '' && name !== '.' && name !== '..' && !/[/\\\p{Cc}]/u.test(name) && Buffer.byteLength(name) <= 255

/**
 * The folder of a tenant: `base` itself for the master tenant, `base/tenants/<slug>` for others; the tenant id stands
 * in for a slug that is no folder name.
 */
export const tenantFolder = (base: string, tenant: Pick<WorkspaceOwner, 'tenantId' | 'tenantSlug'>): string =>
  tenant.tenantId === masterTenantId
    ? base
    : join(base, 'tenants', isFolderName(tenant.tenantSlug) ? tenant.tenantSlug : tenant.tenantId)

/**
 * `<base>/[tenants/<slug>/]<agent workspace or key>/<user's folder>`.
 * @param base absolute
 * @throws INVALID_REQUEST error.invalid_path when the agent's workspace lies outside the tenant's folder
 */
export const workspacePath = (base: string, owner: WorkspaceOwner): Workspace => {
  const folder = tenantFolder(base, owner)
  const wanted = owner.agentWorkspace || owner.agentKey
  const inside = isAbsolute(wanted) ? relative(folder, wanted) : wanted
  const names = trimEndOf(inside, '/').split('/')
  if (isAbsolute(inside) || !names.every(isFolderName)) {
    throw new MeshError('INVALID_REQUEST', 'error.invalid_path', { path: wanted })
  }
  const [first = '', ...rest] = names
  const agent = [reservedFolders.includes(first.toLowerCase()) ? `${first}_` : first, ...rest]
  return { base, path: join(folder, ...agent, ...(owner.shared ? [] : [userFolder(owner.userId)])) }
}
