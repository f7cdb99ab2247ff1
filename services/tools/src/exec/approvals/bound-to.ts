/** What the word of an operator on a command is bound to, so that it holds for no other. */
import { sha256Hex } from '@clawmesh/chassis'
import { realpath } from 'node:fs/promises'
import { basename, posix } from 'node:path'
import { findProgram } from '@clawmesh/chassis/exec'
import type { Script } from '../shell/script.ts'

export interface Bound {
  /** Absolute, real path of the program; absent where the same words may start another one the next time. */
  program?: string | undefined
  /** SHA-256 of the folder and the arguments, as 64 hex digits. */
  argumentsHash: string
}

interface Asked {
  command: string
  workingDir: string
  /** Path of the shell. */
  shell: string
  searchPath: string
}

/** A program that stands where programs are installed: what stands elsewhere, agents may write themselves. */
const installed = async (word: string, searchPath: string): Promise<string | undefined> => {
  const found = await findProgram(basename(word), searchPath).catch(() => undefined)
  if (found === undefined || (word.includes('/') && word !== found)) return undefined
  return realpath(found).catch(() => undefined)
}

/** Whether a text starts a program by a path where none are installed, which who wrote the text may write anew. */
const startsOwn = async ({ invocations }: Pick<Script, 'invocations'>, searchPath: string): Promise<boolean> => {
  const paths = invocations.flatMap(({ words: [word] }) => (word?.includes('/') ? [word] : []))
  const found = await Promise.all([...new Set(paths)].map((path) => installed(path, searchPath)))
  return found.includes(undefined)
}

/** One program with plain arguments is that program; all else is the shell with the text. */
export const boundTo = async (
  { isPlain, invocations }: Pick<Script, 'isPlain' | 'invocations'>,
  { command, workingDir, shell, searchPath }: Asked,
): Promise<Bound> => {
  const [word, ...args] = isPlain ? invocations[0]!.words : [shell, '-c', command.trim()]
  const said = JSON.stringify([posix.normalize(`${workingDir}/.`), word, ...args])
  const lasts = isPlain || !(await startsOwn({ invocations }, searchPath))
  return {
    program: lasts ? await installed(word!, searchPath) : undefined,
    argumentsHash: sha256Hex(said),
  }
}
