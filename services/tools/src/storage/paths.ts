/** Which paths of a tenant's storage mean what: how they are spelt, and what is protected or shown to nobody. */
import type { Workspace } from '../workspace/types.ts'
import { tenantFolder } from '../workspace/workspace-path.ts'
import { relativeNames } from '../workspace/relative-path.ts'
import { masterTenantId, MeshError, type Caller } from '@clawmesh/contracts'
import { cutText } from '@clawmesh/chassis'

export type Tenant = Pick<Caller, 'tenantId' | 'tenantSlug'>

/** Attachments of sessions. */
export const mediaFolder = '.media'
/** What was uploaded for messages. */
export const uploadsFolder = '.uploads'

/** Folders of the root that hold the system's own things. */
const protectedFolders = ['skills', 'skills-store', 'media', mediaFolder, uploadsFolder, 'tenants']
const junk = /^(?:__macosx|\._.*|\.ds_store|thumbs\.db|desktop\.ini|\.spotlight-v100|\.trashes|\.fseventsd)$/i
const programs = /\.(?:exe|sh|bat|cmd|ps1|com|msi|scr)$/i

/** The folder of a tenant in the base folder of all workspaces. */
export const rootOf = (workspaceDir: string, tenant: Tenant): Workspace => ({
  base: workspaceDir,
  path: tenantFolder(workspaceDir, tenant),
})

export const invalidPath = (path: string, cause?: unknown) =>
  new MeshError('INVALID_REQUEST', 'error.invalid_path', { path: cutText(path, 200) }, { cause })

/** The names that a path leads by from the root of its tenant; none for the root. @throws INVALID_REQUEST */
export const namesIn = (path: string): string[] => {
  if (path.includes('..')) throw invalidPath(path)
  try {
    return relativeNames(path.replace(/^\/+/, ''), [])
  } catch (cause) {
    throw invalidPath(path, cause)
  }
}

/** The same of what is to change. @throws INVALID_REQUEST for the root; FORBIDDEN for what is protected */
export const changeableNames = (path: string): string[] => {
  const names = namesIn(path)
  if (names.length === 0) throw invalidPath(path)
  if (isProtected(names)) throw new MeshError('FORBIDDEN', 'error.cannot_delete_skills_dir')
  return names
}

export const isProtected = ([top = '']: readonly string[]): boolean => protectedFolders.includes(top.toLowerCase())

/** Whether what stands there is not the tenant's: the folders of the others in that of the master tenant. */
export const isForeign = ({ tenantId }: Pick<Tenant, 'tenantId'>, [top = '']: readonly string[]): boolean =>
  tenantId === masterTenantId && top.toLowerCase() === 'tenants'

/** Whether listings and counts leave it out. */
export const isHidden = (tenant: Pick<Tenant, 'tenantId'>, names: readonly string[]): boolean =>
  isForeign(tenant, names) ||
  [mediaFolder, uploadsFolder].includes(names[0]?.toLowerCase() ?? '') ||
  junk.test(names.at(-1) ?? '')

/** The name under which an upload is stored. @throws INVALID_REQUEST for none that may be */
export const uploadName = (given: string): string => {
  const name = given.split(/[/\\]/).at(-1)!
  const refused = new MeshError('INVALID_REQUEST', 'error.invalid_filename')
  if (name === '' || name === '.' || name.includes('..') || programs.test(name)) throw refused
  try {
    relativeNames(name, [])
  } catch {
    throw refused
  }
  return name
}
