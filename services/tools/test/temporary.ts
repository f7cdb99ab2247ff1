/** Folders for tests that work on the real file system. */
import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Workspace } from '../src/workspace/index.ts'
import type { StoredFile } from '../src/workspace/types.ts'

/** All of an open file, as text. */
export const contentOf = async ({ size, read }: StoredFile): Promise<string> => {
  const pieces: Buffer[] = []
  if (size > 0) for await (const piece of read(0, size - 1)) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}

export interface Sandbox {
  /** Real path of a folder that holds everything of the test. */
  folder: string
  workspace: Workspace
  /** Beside the workspace: nothing in here may be read or changed. */
  outside: string
  remove: () => Promise<void>
}

/** A fresh workspace with a folder beside it. */
export const sandbox = async (): Promise<Sandbox> => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'clawmesh-tools-')))
  const base = join(folder, 'base')
  const workspace = { base, path: join(base, 'writer', 'alice') }
  const outside = join(folder, 'outside')
  await mkdir(workspace.path, { recursive: true })
  await mkdir(outside)
  return { folder, workspace, outside, remove: () => rm(folder, { recursive: true, force: true }) }
}
