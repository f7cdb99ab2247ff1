/** Files in object storage as tools name and change them. */
import { largestFileBytes } from '@clawmesh/contracts'
import { toolError } from '../tool/tool-error.ts'
import { isDenied, type Access } from '../workspace/denied.ts'
import { fileMutex } from '../workspace/file-mutex.ts'
import { relativeNames } from '../workspace/relative-path.ts'
import { decodeText } from '../workspace/text.ts'
import type { StoredFile, Workspace, WorkspaceFiles } from '../workspace/types.ts'
import type { Bucket } from '@clawmesh/chassis/bucket'
import { keyOf } from './object-keys.ts'
import type { FileStore } from './store.ts'

interface Parts {
  bucket: Pick<Bucket, 'write' | 'remove' | 'find'>
  list: FileStore['list']
  open: (key: string) => Promise<StoredFile | undefined>
  requirePlace: (root: Workspace, names: readonly string[]) => Promise<void>
}

/** Others may change a file as often as this before a change of it gives up. */
const mostTries = 8

const failure = (code: 'ENOENT' | 'ENOTDIR' | 'EISDIR') => Object.assign(new Error(code), { code })

const namesIn = (workspace: Workspace, path: string, access: Access): string[] => {
  const names = relativeNames(path, [workspace.path])
  if (isDenied(names, access)) throw toolError(`path refused: ${names[0]} is not for tools`)
  return names
}

const fileNames = (workspace: Workspace, path: string, access: Access): string[] => {
  const names = namesIn(workspace, path, access)
  if (names.length === 0) throw toolError('the path is a directory, not a file')
  return names
}

const contentOf = async (file: StoredFile): Promise<Buffer> => {
  if (file.size > largestFileBytes) throw toolError(`the file is larger than ${largestFileBytes} bytes`)
  const pieces: Buffer[] = []
  if (file.size > 0) for await (const piece of file.read(0, file.size - 1)) pieces.push(piece)
  return Buffer.concat(pieces)
}

export const createObjectFiles = ({ bucket, list, open, requirePlace }: Parts): WorkspaceFiles => {
  /** Makes of a file what `make` says, unless another process has changed it meanwhile: then once more. */
  const remake = async (
    workspace: Workspace,
    path: string,
    make: (old: Buffer | undefined) => Buffer | string,
  ): Promise<string[]> => {
    const names = fileNames(workspace, path, 'other')
    const key = keyOf(workspace, names)
    return fileMutex(key, async () => {
      for (let tries = 0; tries < mostTries; tries++) {
        const file = await open(key)
        if (file === undefined) await requirePlace(workspace, names)
        const content = Buffer.from(make(file && (await contentOf(file))))
        if (content.length > largestFileBytes) throw toolError(`the file would exceed ${largestFileBytes} bytes`)
        const added = content.length - (file?.size ?? 0)
        if (tries === 0 && added > 0) await workspace.grow?.(added)
        if (await bucket.write(key, content, file === undefined ? 'absent' : { version: file.version })) return names
      }
      throw toolError('others keep changing the file; try again')
    })
  }

  return {
    withFile: async (workspace, path, use) => {
      const names = fileNames(workspace, path, 'read')
      const file = await open(keyOf(workspace, names))
      if (file === undefined) {
        if ((await list(workspace, names)).length > 0) throw failure('EISDIR')
        throw failure('ENOENT')
      }
      return use(file)
    },

    changeFile: (workspace, path, change) =>
      remake(workspace, path, (old) => change(old === undefined ? undefined : decodeText(old))),

    appendFile: (workspace, path, content) =>
      remake(workspace, path, (old) => Buffer.concat([old ?? Buffer.alloc(0), Buffer.from(content)])),

    writeFile: async (workspace, path, content) => {
      const names = fileNames(workspace, path, 'other')
      const key = keyOf(workspace, names)
      const bytes = Buffer.from(content)
      if (bytes.length > largestFileBytes) throw toolError(`the file would exceed ${largestFileBytes} bytes`)
      return fileMutex(key, async () => {
        const old = await bucket.find(key)
        if (old === undefined) await requirePlace(workspace, names)
        const added = bytes.length - (old?.size ?? 0)
        if (added > 0) await workspace.grow?.(added)
        await bucket.write(key, bytes)
        return names
      })
    },

    removeFile: async (workspace, path) => {
      const names = fileNames(workspace, path, 'other')
      const key = keyOf(workspace, names)
      if ((await bucket.find(key)) === undefined) throw failure('ENOENT')
      await bucket.remove(key)
      return names
    },

    listFolder: async (workspace, path, limit = 1000) => {
      const names = namesIn(workspace, path, 'other')
      const found = await list(workspace, names)
      if (found.length === 0 && names.length > 0)
        throw failure((await open(keyOf(workspace, names))) === undefined ? 'ENOENT' : 'ENOTDIR')
      const visible = found.filter(({ name }) => !isDenied([...names, name], 'other'))
      return {
        total: visible.length,
        entries: visible.slice(0, limit).map(({ name, kind, size }) => ({
          name,
          kind: kind === 'folder' ? ('directory' as const) : ('file' as const),
          sizeBytes: size,
          link: false,
        })),
      }
    },
  }
}
