/** Files that tools make: each day has a folder of them in the workspace. */
import { randomUUID } from 'node:crypto'
import { posix } from 'node:path'
import { writeFile, type Workspace } from '../workspace/index.ts'

const folder = 'generated'
const longestHint = 40

/** A name that a model wishes, as far as it can be one. */
const stemOf = (hint: string, kind: string): string =>
  hint
    .replace(/\.[A-Za-z0-9]{1,5}$/, '')
    .replace(/[^\p{L}\p{N}_]+/gu, '-')
    .slice(0, longestHint)
    .toWellFormed()
    .replace(/^-|-$/g, '') || kind

/**
 * Saves what was made.
 * @param kind what its name begins with, where nothing better is wished
 * @param extension with its dot
 * @returns its path in the workspace, and the absolute one
 */
export const saveGenerated = async (
  workspace: Workspace,
  { kind, hint = '', extension }: { kind: string; hint?: string | undefined; extension: string },
  bytes: Uint8Array,
): Promise<{ path: string; deliver: string[] }> => {
  const day = new Date().toISOString().slice(0, 10)
  const name = `${stemOf(hint, kind)}-${randomUUID().slice(0, 8)}${extension}`
  const names = await writeFile(workspace, `${folder}/${day}/${name}`, bytes)
  const path = names.join('/')
  return { path, deliver: [posix.join(workspace.path, path)] }
}
