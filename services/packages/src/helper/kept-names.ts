/** Writes the persist file, as root beside folders that other users write to. */
import { constants } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { persistFileLimitBytes, persistFileName, readPersisted } from '../machine/persisted.ts'

export interface KeptNames {
  readonly list: () => Promise<string[]>
  /** @throws Error when the file is full */
  readonly add: (name: string) => Promise<void>
  readonly remove: (name: string) => Promise<void>
  readonly close: () => Promise<void>
}

const folderMode = 0o750
const fileMode = 0o640
const writtenByOthers = 0o022

/**
 * Opens the folder of the file, made when missing. Everything is reached through the open folder, so that nobody can put
 * another one in its place meanwhile.
 * @param group that may read it
 * @throws Error when the folder is not ours alone to write to
 */
export const openKeptNames = async (folderPath: string, group: number): Promise<KeptNames> => {
  const owner = process.getuid!()
  await mkdir(folderPath, { recursive: true, mode: folderMode })
  const folder = await open(folderPath, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  const { uid, mode } = await folder.stat()
  if (uid !== owner || (mode & writtenByOthers) !== 0) {
    await folder.close()
    throw new Error(`${folderPath} may be written to by others: name one of the helper's own in CLAWMESH_RUNTIME_DIR`)
  }
  await folder.chown(owner, group)
  await folder.chmod(folderMode)
  const path = `/proc/self/fd/${folder.fd}/${persistFileName}`

  const write = async (names: readonly string[]): Promise<void> => {
    const text = names.map((name) => `${name}\n`).join('')
    if (Buffer.byteLength(text) > persistFileLimitBytes) throw new Error('too many packages')
    const next = `${path}.next`
    await rm(next, { force: true })
    {
      await using file = await open(next, 'wx', fileMode)
      await file.writeFile(text)
      await file.chown(owner, group)
      await file.chmod(fileMode)
      await file.sync()
    }
    await rename(next, path)
  }
  const list = () => readPersisted(path)
  return {
    list,
    add: async (name) => {
      const names = await list()
      if (!names.includes(name)) await write([...names, name])
    },
    remove: async (name) => write((await list()).filter((each) => each !== name)),
    close: () => folder.close(),
  }
}
