/** Walks what a tenant stores. */
import type { FileStore, StoredEntry } from '../store/store.ts'
import type { Workspace } from '../workspace/types.ts'
import { isHidden, isProtected, type Tenant } from './paths.ts'

export interface Listed {
  path: string
  name: string
  isDir: boolean
  size: number
  hasChildren?: true
  protected: boolean
}

interface Tree {
  store: FileStore
  tenant: Tenant
  root: Workspace
}

const mostEntries = 20_000
/** Nobody nests folders so deep who wants to find something in them. */
const deepest = 100

const visible = async ({ store, tenant, root }: Tree, names: readonly string[]): Promise<StoredEntry[]> =>
  (await store.list(root, names)).filter(({ name }) => !isHidden(tenant, [...names, name]))

/** What is below a folder, depth first and by name, as many levels as asked for. */
export const listTree = async (tree: Tree, start: readonly string[], levels: number): Promise<Listed[]> => {
  const listed: Listed[] = []
  const walk = async (names: readonly string[], left: number): Promise<void> => {
    for (const { name, kind, size } of await visible(tree, names)) {
      if (listed.length === mostEntries) return
      const path = [...names, name]
      const isDir = kind === 'folder'
      const entry: Listed = { path: path.join('/'), name, isDir, size, protected: isProtected(path) }
      listed.push(entry)
      if (!isDir) continue
      if (left > 1) await walk(path, left - 1)
      else if ((await visible(tree, path)).length > 0) entry.hasChildren = true
    }
  }
  if (!isHidden(tree.tenant, start)) await walk(start, levels)
  return listed
}

export interface Counted {
  total: number
  files: number
}

/** Counts all that is kept in a folder, hidden folders too unless said; gives what it has after every file. */
export const countTree = async function* (
  tree: Tree,
  isLeftOut: (names: readonly string[]) => boolean,
  start: readonly string[] = [],
): AsyncGenerator<Counted, Counted> {
  const counted = { total: 0, files: 0 }
  const pending: (readonly string[])[] = [start]
  for (let names = pending.pop(); names !== undefined; names = pending.pop()) {
    for (const { name, kind, size } of await tree.store.list(tree.root, names)) {
      const path = [...names, name]
      if (isLeftOut(path)) continue
      if (kind === 'folder') {
        if (path.length < deepest) pending.push(path)
        continue
      }
      counted.total += size
      counted.files++
      yield { ...counted }
    }
  }
  return counted
}

const mostFolders = 1_000

/**
 * The one file of a name in the visible folders of a tenant, nearest folders first; undefined for none, or for several.
 * A thousand folders are looked into.
 */
export const findByName = async (tree: Tree, wanted: string): Promise<string[] | undefined> => {
  const found: string[][] = []
  let level: string[][] = [[]]
  let looked = 0
  while (level.length > 0 && found.length < 2) {
    const next: string[][] = []
    for (const names of level) {
      if (looked++ === mostFolders) return undefined
      for (const { name, kind } of await visible(tree, names)) {
        if (kind === 'folder') next.push([...names, name])
        else if (name === wanted) found.push([...names, name])
      }
    }
    level = next
  }
  return found.length === 1 ? found[0] : undefined
}
