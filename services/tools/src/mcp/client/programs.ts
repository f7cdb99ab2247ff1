/**
 * Where programs of MCP servers run: each in a folder of its own, and, where the machine has bubblewrap, apart from all the
 * rest of it, as commands of agents do.
 */
import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import { findProgram, standardPath, type ChildProgram } from '@clawmesh/chassis/exec'
import { z } from 'zod'
import { insidePath, isShown, type FoundSandbox, type Shown } from '../../exec/sandbox.ts'
import { toolError } from '../../tool/tool-error.ts'
import type { McpTarget, ProgramPlace } from './target.ts'

export interface PlacedProgram {
  program: ChildProgram
  /** To be called once it has ended. */
  left: () => Promise<void>
}

interface Parts {
  /** Below which programs have their folders. */
  base: string
  /** Folders that programs see beside the system's own, read-only. */
  folders: readonly string[]
  /** Whether the sandbox is used where it is there. */
  isApart: boolean
  findSandbox: () => Promise<FoundSandbox>
}

const MiB = 1024 * 1024
const temporaryBytes = 256 * MiB
/** It lives on, so what it says in its life is not bounded, only each message. */
const limits = {
  memoryBytes: 1024 * MiB,
  timeoutMs: 0,
  outputBytes: Number.POSITIVE_INFINITY,
  writtenBytes: Number.POSITIVE_INFINITY,
}

const settingsSchema = z.object({ network: z.boolean().catch(true).default(true) })

/** What the settings of a server say of its program: it has the network, unless `network` is false. */
export const placeOf = (settings: Record<string, unknown>, folder: ProgramPlace['folder']): ProgramPlace => ({
  folder,
  network: settingsSchema.parse(settings).network,
})

/** Our own Node, which most servers are written for, with what came with it; never the folder that it was put in. */
const nodeFolders = async (): Promise<string[]> => {
  const bin = dirname(await realpath(process.execPath))
  const modules = join(dirname(bin), 'lib', 'node_modules')
  return basename(bin) === 'bin' ? [bin, modules] : [bin]
}

const isWithin = (path: string, folders: readonly string[]): boolean =>
  isShown(path) || folders.some((folder) => path === folder || path.startsWith(`${folder}/`))

export const createPrograms = ({ base, folders: named, isApart, findSandbox }: Parts) => {
  // Without a slash at the end, as what is below them is told by one.
  const folders = named.map((path) => resolve(path))

  const folderFor = async (place: ProgramPlace): Promise<{ folder: string; left: () => Promise<void> }> => {
    if (place.folder === undefined) {
      const folder = await realpath(await mkdtemp(join(tmpdir(), 'clawmesh-mcp-')))
      return { folder, left: () => rm(folder, { recursive: true, force: true }) }
    }
    const folder = join(base, ...place.folder)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    return { folder: await realpath(folder), left: async () => undefined }
  }

  /** The command as it is found inside. @throws TOOL_ERROR, or ENOENT as a machine would say it */
  const commandInside = async (command: string, searchPath: string, seen: readonly string[]): Promise<string> => {
    const path = await findProgram(command, searchPath)
    if (!isAbsolute(command) || isWithin(path, seen)) return path
    throw toolError(`programs of MCP servers do not see ${command}: CLAWMESH_MCP_FOLDERS opens more folders to them`)
  }

  return {
    /** @throws TOOL_ERROR, or a system error, where it cannot be started */
    programOf: async ({ command, args, env, place }: McpTarget): Promise<PlacedProgram> => {
      const { folder, left } = await folderFor(place ?? { folder: undefined, network: true })
      const { sandbox } = isApart ? await findSandbox() : { sandbox: undefined }
      if (sandbox === undefined) return { program: { command, args, cwd: folder, env, limits }, left }
      try {
        const node = await nodeFolders()
        const seen = [...node, ...folders]
        const searchPath = env['PATH'] ?? `${standardPath}:${node[0]!}`
        const shows = [
          ...seen
            .filter((path) => !isShown(path))
            .map((path): Shown => ({ from: path, at: path, access: 'ro', isOptional: true })),
          // Last, so that nothing stands over it.
          { from: folder, at: insidePath, access: 'rw' } as const,
        ]
        const program = await sandbox.wrap(
          {
            command: await commandInside(command, searchPath, seen),
            args,
            cwd: '/',
            env: { HOME: insidePath, ...env, PATH: searchPath },
            limits,
          },
          { path: '/', access: 'none', network: place?.network ?? true, temporaryBytes, shows },
        )
        return { program, left }
      } catch (thrown) {
        await left()
        throw thrown
      }
    },

    /** Removes what programs of a server have kept. */
    forget: (tenantId: string, serverId: string): Promise<void> =>
      rm(join(base, tenantId, serverId), { recursive: true, force: true }),
  }
}

export type Programs = ReturnType<typeof createPrograms>
