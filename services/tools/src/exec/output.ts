/** What a command said, as the model is given it. */
import { cutText } from '@clawmesh/chassis'
import type { ChildBreach, ChildLimits, ChildOutput } from '@clawmesh/chassis/exec'

const mostCharacters = 30_000
const tailCharacters = 4_000
const looksAtLast = 2_000
const tells = /error|fail|fatal|exception|traceback|panic|warning|total|summary|passed|result|done|finished/i

/** The head, and the tail too where it seems to sum up or to say what went wrong. */
export const shortened = (text: string): string => {
  if (text.length <= mostCharacters) return text
  if (!tells.test(text.slice(-looksAtLast)))
    return `${cutText(text, mostCharacters)}\n[... ${text.length - mostCharacters} characters more]`
  const head = cutText(text, Math.floor(mostCharacters * 0.7))
  const tail = text.slice(-tailCharacters)
  return `${head}\n[... ${text.length - head.length - tail.length} characters left out ...]\n${tail}`
}

const hints: readonly [pattern: RegExp, hint: string][] = [
  [/no space left on device|disk quota/i, 'the disk, or the temporary folder, is full'],
  [/read-only file system/i, 'only the workspace and temporary folders can be written to'],
  [/could not resolve|network is unreachable|temporary failure in name resolution/i, 'commands have no network here'],
  [/permission denied|operation not permitted/i, 'permission was denied'],
]

const breaches: Record<Exclude<ChildBreach, 'timeout'>, string> = {
  memoryBytes: 'it used more memory than it may',
  processes: 'it started more processes than it may',
  writtenBytes: 'it wrote more to the disk than it may',
  outputBytes: 'it said more than it may',
  cancelled: 'it was cancelled',
  closed: 'it was ended',
}

/** What was said, and how it ended. */
export const outputText = (
  { stdout, stderr, exitCode, breach }: ChildOutput,
  { timeoutMs }: Pick<ChildLimits, 'timeoutMs'>,
): { text: string; isError: boolean } => {
  const said = [stdout, stderr === '' ? '' : `STDERR:\n${stderr}`].filter((part) => part !== '').join('\n')
  if (breach !== undefined) {
    const why = breach === 'timeout' ? `it did not end within ${Math.ceil(timeoutMs / 1000)} seconds` : breaches[breach]
    return { text: shortened([said, `[the command was stopped: ${why}]`].filter(Boolean).join('\n')), isError: true }
  }
  if (exitCode === 0) return { text: shortened(said) || '(command completed with no output)', isError: false }
  const hint = exitCode === 127 ? 'there is no such program' : hints.find(([pattern]) => pattern.test(said))?.[1]
  const ending = `[exit code ${exitCode ?? 'unknown'}${hint === undefined ? '' : `: ${hint}`}]`
  return { text: shortened([said, ending].filter(Boolean).join('\n')), isError: true }
}
