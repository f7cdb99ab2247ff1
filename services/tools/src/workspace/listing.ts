/** What a folder of a workspace shows to tools. */
import { lstat, readdir } from 'node:fs/promises'
import { isDenied } from './denied.ts'
import { at, openInside, type Directory } from './directory.ts'
import { temporaryName } from './temporary-name.ts'
import type { Entry, Listing, Workspace } from './types.ts'
import { walkTo } from './walk.ts'

const describe = async (directory: Directory, name: string): Promise<Entry | 'link' | undefined> => {
  const found = await lstat(at(directory, name)).catch(() => undefined)
  if (found?.isSymbolicLink()) return 'link'
  if (found?.isDirectory()) return { name, kind: 'directory', sizeBytes: 0, link: false }
  if (found?.isFile()) return { name, kind: 'file', sizeBytes: found.size, link: false }
  return undefined
}

/** A link shows as what it leads to; one that leads out, or nowhere, does not show. */
const followLink = (workspace: Workspace, names: readonly string[]): Promise<Entry | undefined> =>
  walkTo(workspace, names.join('/'), { access: 'other' }, async ({ directory, name }) => {
    const found = name === undefined ? undefined : await describe(directory, name)
    return found && found !== 'link' ? { ...found, name: names.at(-1)!, link: true } : undefined
  }).catch(() => undefined)

/**
 * The entries of a folder by name, at most `limit` of them. Denied names and what is neither file nor folder are left
 * out.
 * @throws TOOL_ERROR; system errors such as ENOENT, ENOTDIR
 */
export const listFolder = (workspace: Workspace, path: string, limit = 1000): Promise<Listing> =>
  walkTo(workspace, path, { access: 'other' }, async ({ directory: parent, name, names }) => {
    const directory = name === undefined ? parent : await openInside(parent, name)
    try {
      const visible = (await readdir(at(directory, '.')))
        .filter((entry) => !isDenied([...names, entry], 'other') && !temporaryName.test(entry))
        .sort()
      const entries: Entry[] = []
      for (const entry of visible.slice(0, limit)) {
        const found = await describe(directory, entry)
        const shown = found === 'link' ? await followLink(workspace, [...names, entry]) : found
        if (shown) entries.push(shown)
      }
      return { entries, total: visible.length }
    } finally {
      if (name !== undefined) await directory.handle.close()
    }
  })
