/** Walks from a workspace to a path, one open directory after the other. */
import { lstat, mkdir, readlink, realpath } from 'node:fs/promises'
import { posix, relative } from 'node:path'
import { errnoOf, toolError } from '../tool/tool-error.ts'
import { isDenied, type Access } from './denied.ts'
import { at, openInside, openOrMake, openTrusted, type Directory } from './directory.ts'
import { relativeNames } from './relative-path.ts'
import type { Workspace } from './types.ts'

/** Where a walk ended: an open directory, and the name of the thing wanted in it. */
export interface Place {
  directory: Directory
  /** Undefined when the directory itself was wanted. It may not exist yet; it was no symbolic link when looked at. */
  name: string | undefined
  /** Names from the workspace to the thing, links resolved. */
  names: string[]
  /** Real path of the workspace. */
  root: string
}

export interface WalkOptions {
  access: Access
  /** Makes missing directories on the way. */
  create?: boolean
  /**
   * `follow`, unless said, for links that stay inside; `refuse` for none at all; `parents` refuses them on the way and
   * leaves what stands at its end to whoever asked.
   */
  links?: 'follow' | 'refuse' | 'parents'
}

const mostLinks = 40
const outside = () => toolError('path refused: a symbolic link in it leads outside the workspace')

/** The workspace's own directory. Between base and workspace no link is followed; missing folders are made. */
const openRoot = async (workspace: Workspace): Promise<Directory> => {
  let directory = await openTrusted(workspace.base)
  const names = relative(workspace.base, workspace.path).split('/')
  for (const name of names.filter((name) => name !== '')) {
    const parent = directory
    try {
      directory = await openOrMake(parent, name)
    } finally {
      await parent.handle.close()
    }
  }
  return directory
}

const linkTarget = async (directory: Directory, name: string): Promise<string | undefined> => {
  try {
    const found = await lstat(at(directory, name))
    return found.isSymbolicLink() ? await readlink(at(directory, name)) : undefined
  } catch (thrown) {
    // EINVAL: it was a link a moment ago. What opens it next will see what it is now.
    if (['ENOENT', 'EINVAL'].includes(errnoOf(thrown))) return undefined
    throw thrown
  }
}

/** What an absolute path may begin with: the workspace as configured, and without the links in the base's own path. */
const spellings = async (workspace: Workspace): Promise<string[]> => {
  await mkdir(workspace.base, { recursive: true, mode: 0o700 })
  const base = await realpath(workspace.base)
  return [workspace.path, posix.join(base, relative(workspace.base, workspace.path))]
}

/**
 * Walks to `path` and hands the place to `use`; every directory on the way is closed afterwards. Symbolic links inside
 * the workspace are followed by hand, so one that leads out is seen before anything is opened through it.
 * @throws TOOL_ERROR when the path is refused; system errors such as ENOENT
 */
export const walkTo = async <T>(
  workspace: Workspace,
  path: string,
  options: WalkOptions,
  use: (place: Place) => Promise<T>,
): Promise<T> => {
  const { links = 'follow' } = options
  const roots = await spellings(workspace)
  let pending = relativeNames(path, roots)
  const way = [await openRoot(workspace)]
  const names: string[] = []
  const root = way[0]!.path
  const current = (): Directory => way.at(-1)!

  const climb = async (): Promise<void> => {
    if (way.length === 1) throw outside()
    names.pop()
    await way.pop()!.handle.close()
  }
  const backToRoot = async (): Promise<void> => {
    while (way.length > 1) await climb()
  }

  try {
    for (let followed = 0; pending.length > 0;) {
      const [name = '', ...rest] = pending
      pending = rest
      if (name === '..') {
        await climb()
        continue
      }
      if (isDenied([...names, name], options.access)) throw toolError(`path refused: ${name} is not for tools`)

      const target = links === 'parents' && rest.length === 0 ? undefined : await linkTarget(current(), name)
      if (target !== undefined) {
        if (links !== 'follow') throw toolError('path refused: a symbolic link stands on it')
        if (++followed > mostLinks) throw toolError('path refused: too many symbolic links')
        if (posix.isAbsolute(target)) await backToRoot()
        pending = [...linkNames(target, roots), ...rest]
        continue
      }
      if (rest.length === 0) return await use({ directory: current(), name, names: [...names, name], root })
      way.push(await (options.create ? openOrMake : openInside)(current(), name))
      names.push(name)
    }
    return await use({ directory: current(), name: undefined, names, root })
  } catch (thrown) {
    // Something became a link between the look and the opening; nothing was opened through it.
    if (errnoOf(thrown) === 'ELOOP') throw outside()
    throw thrown
  } finally {
    for (const directory of way) await directory.handle.close()
  }
}

/** A link's target as names to walk, `..` kept: what it means depends on where the link stands. */
const linkNames = (target: string, roots: readonly string[]): string[] => {
  const root = posix.isAbsolute(target) ? roots.find((spelling) => `${target}/`.startsWith(`${spelling}/`)) : ''
  if (root === undefined) throw outside()
  return target
    .slice(root.length)
    .split('/')
    .filter((name) => name !== '' && name !== '.')
}
