/** Commands that begin with a program which has credentials: they run without a shell, and nothing else gets these. */
import { findProgram, standardPath, type ChildProgram } from '@clawmesh/chassis/exec'
import type { GivenProgram } from '../cli-credentials/access.ts'
import { matchedPattern } from '../cli-credentials/patterns.ts'
import { toolError } from '../tool/tool-error.ts'
import { plainWords } from './shell/plain-words.ts'

export const mark = '[CREDENTIALED EXEC]'
export const refused = (why: string) => toolError(`${mark} ${why}`)

/** What separates, redirects or substitutes, looked for in the text as it came, quoted or not. */
const forbidden = /[;|&<>\n\r`]|\$[({]/
const longestSeconds = 600

/**
 * What is to be started. @throws TOOL_ERROR for a command that is more than this program, or that is blocked
 * @param isSandboxed whether it is looked for where the sandbox has it
 */
export const credentialedProgram = async (
  command: string,
  given: GivenProgram,
  isSandboxed: boolean,
): Promise<Pick<ChildProgram, 'command' | 'args' | 'env'> & { timeoutMs: number }> => {
  const { binaryName, binaryPath, env, timeoutSeconds } = given
  const found = forbidden.exec(command.trim())?.[0]
  if (found !== undefined)
    throw refused(
      `${binaryName} runs alone and without a shell: the command must not hold ${JSON.stringify(found)}, quoted or not`,
    )
  const words = plainWords(command)
  if (words?.[0] !== binaryName)
    throw refused(
      `${binaryName} runs without a shell: variables and patterns are not expanded, so quote them or write them out`,
    )
  const args = words.slice(1)
  const pattern = matchedPattern(given, args.join(' '))
  if (pattern !== undefined) throw refused(`the operator has blocked this for ${binaryName}: it matches ${pattern}`)
  const path = await findProgram(binaryName, isSandboxed ? standardPath : undefined).catch(() => undefined)
  if (path === undefined) throw refused(`there is no program ${binaryName} here`)
  if (binaryPath !== null && binaryPath !== path)
    throw refused(`${binaryName} is not the program that the operator means`)
  return { command: path, args, env, timeoutMs: Math.min(timeoutSeconds, longestSeconds) * 1000 }
}
