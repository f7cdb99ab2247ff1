/** What a path given to a file tool means: a document kept elsewhere, or a file in one of the folders at hand. */
import { posix } from 'node:path'
import type { Document } from './document.ts'
import { documentAt } from './documents.ts'
import { toolError } from '../tool/tool-error.ts'
import type { TeamFolder, ToolContext } from '../tool/tool.ts'
import { relativeNames, type Workspace } from '../workspace/index.ts'

export type Target =
  { kind: 'document'; document: Document } | { kind: 'file'; workspace: Workspace; team?: TeamFolder | undefined }

const contains = (workspace: Workspace | undefined, path: string): boolean =>
  workspace !== undefined && `${posix.normalize(path)}/`.startsWith(`${workspace.path}/`)

/**
 * Relative paths mean the agent's workspace; absolute ones may also name the team's folder or, for reading, a folder of
 * skills.
 * @throws TOOL_ERROR
 */
export const targetOf = (context: ToolContext, path: string, access: 'read' | 'write'): Target => {
  const { workspace, team, readable = [] } = context
  if (!contains(workspace, path)) {
    if (team && contains(team.workspace, path)) return { kind: 'file', workspace: team.workspace, team }
    const folder = access === 'read' ? readable.find((candidate) => contains(candidate, path)) : undefined
    if (folder) return { kind: 'file', workspace: folder }
  }
  if (!workspace) throw toolError('this needs an agent with a workspace, and the call has none')
  const document = documentAt(context, relativeNames(path, [workspace.path]))
  // A team member without a folder of its own works in the team's.
  const own = team && team.workspace.path === workspace.path ? team : undefined
  return document ? { kind: 'document', document } : { kind: 'file', workspace, team: own }
}
