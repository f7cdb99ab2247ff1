/** Programs that stand in for a provider, line by line. */
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { findProgram, startChild, type Child, type ChildEnd, type ChildLimits } from '@clawmesh/chassis/exec'
import { MeshError } from '@clawmesh/contracts'
import { cancelledBy, UpstreamFailure } from '../chat/protocols/failure.ts'

export interface ProgramCall {
  program: string
  args: readonly string[]
  cwd: string
  /** What is written to its input, which is closed then. */
  input: string
  signal?: AbortSignal | undefined
  /** Longest silence before the first line, and between two, milliseconds. */
  firstLineMs: number
  idleMs: number
  /** Most bytes that are read of it. */
  limitBytes: number
}

const errorChars = 2_000
const newline = 10
/** Of the program with all that it starts. */
const limits: Partial<ChildLimits> = { memoryBytes: 2 * 1024 ** 3, processes: 64, timeoutMs: 0 }
/** The one secret of our environment that is the program's own. */
const ownToken = 'CLAUDE_CODE_OAUTH_TOKEN'

/** What of our environment the `claude` program may know. */
export const claudeToken = (): Record<string, string> => {
  const token = process.env[ownToken]
  return token === undefined ? {} : { [ownToken]: token }
}

/** The error where the operator lets no programs run. */
export const notHere = (): MeshError =>
  new MeshError('FAILED_PRECONDITION', 'error.url_blocked', { reason: 'providers on this machine are switched off' })

type ProgramStart = Pick<ProgramCall, 'program' | 'args' | 'cwd' | 'signal' | 'limitBytes'> & {
  env: Readonly<Record<string, string>>
}

/** Starts a program under the bounds of all. @throws UpstreamFailure failed, cancelled */
export const startProgram = async ({ program, args, cwd, env, signal, limitBytes }: ProgramStart): Promise<Child> => {
  try {
    const command = await findProgram(program)
    await access(command, constants.X_OK)
    return await startChild({ command, args, cwd, env, signal, limits: { ...limits, outputBytes: limitBytes } })
  } catch (thrown) {
    if (signal?.aborted) throw cancelledBy(signal)
    const isMissing = (thrown as NodeJS.ErrnoException).code === 'ENOENT'
    throw new UpstreamFailure('failed', isMissing ? `program not found: ${program}` : `${program} did not start`)
  }
}

/** Why a program that should live on has ended. */
export const endReason = ({ exitCode, breach }: ChildEnd, program: string, said: string): UpstreamFailure => {
  const why = breach === undefined ? `ended with ${exitCode ?? 'a signal'}` : `used more than it may: ${breach}`
  return new UpstreamFailure('failed', `${program} ${why}: ${said.trim()}`)
}

/** What its end says, undefined where that was a good one. */
const failureOf = ({ exitCode, breach }: ChildEnd, { program, signal, limitBytes }: ProgramCall, said: string) => {
  if (breach === 'cancelled') return cancelledBy(signal!)
  if (breach === 'outputBytes') return new UpstreamFailure('failed', `${program} wrote more than ${limitBytes} bytes`)
  if (breach === 'closed') return new UpstreamFailure('timeout', `${program} is silent`)
  return breach === undefined && exitCode === 0 ? undefined : endReason({ exitCode, breach }, program, said)
}

/**
 * The lines that a program writes. Leaving the loop, a silence, too much of anything, or an aborted signal ends it with all
 * that it has started; so does its own end.
 * @throws UpstreamFailure failed, timeout or cancelled; with the end of what it said on its error output
 */
export async function* programLines(call: ProgramCall): AsyncGenerator<string, void, void> {
  const child = await startProgram({ ...call, env: claudeToken() })
  const lines = createInterface({ input: child.stdout, crlfDelay: Infinity })
  // A stream that was destroyed would leave the loop below waiting.
  void child.ended.then(() => lines.close())
  let endsInLine = false
  child.stdout.on('data', (piece: Buffer) => {
    endsInLine = piece.at(-1) !== newline
  })
  let errors = ''
  child.stderr.on('data', (piece: Buffer) => {
    errors = (errors + piece.toString('utf8')).slice(-errorChars)
  })
  child.stdin.end(call.input)
  let timer: NodeJS.Timeout | undefined
  const expect = (ms: number): void => {
    clearTimeout(timer)
    timer = setTimeout(() => void child.kill(), ms)
  }
  const end = async (): Promise<void> => {
    const failure = failureOf(await child.ended, call, errors)
    if (failure !== undefined) throw failure
  }
  try {
    expect(call.firstLineMs)
    for await (const line of lines) {
      expect(call.idleMs)
      // What one that failed had begun to write is no line: why it ended says more.
      if (child.stdout.readableEnded && endsInLine) await end()
      yield line
    }
    await end()
  } finally {
    clearTimeout(timer)
    await child.kill()
  }
}
