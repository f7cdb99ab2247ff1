/** Programs that stand in for a provider, line by line. */
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { findProgram, startChild, type Child, type ChildEnd, type ChildLimits } from '@clawmesh/chassis/exec'
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
/** Of the program with all that it starts. */
const limits: Partial<ChildLimits> = { memoryBytes: 2 * 1024 ** 3, processes: 64, timeoutMs: 0 }
/** The one secret of our environment that is the program's own. */
const ownToken = 'CLAUDE_CODE_OAUTH_TOKEN'

const start = async ({ program, args, cwd, signal, limitBytes }: ProgramCall): Promise<Child> => {
  try {
    const command = await findProgram(program)
    await access(command, constants.X_OK)
    const token = process.env[ownToken]
    const env: Record<string, string> = token === undefined ? {} : { [ownToken]: token }
    return await startChild({ command, args, cwd, env, signal, limits: { ...limits, outputBytes: limitBytes } })
  } catch (thrown) {
    if (signal?.aborted) throw cancelledBy(signal)
    const isMissing = (thrown as NodeJS.ErrnoException).code === 'ENOENT'
    throw new UpstreamFailure('failed', isMissing ? `program not found: ${program}` : `${program} did not start`)
  }
}

/** What its end says, undefined where that was a good one. */
const failureOf = ({ exitCode, breach }: ChildEnd, { program, signal, limitBytes }: ProgramCall, said: string) => {
  if (breach === 'cancelled') return cancelledBy(signal!)
  if (breach === 'outputBytes') return new UpstreamFailure('failed', `${program} wrote more than ${limitBytes} bytes`)
  if (breach === 'closed') return new UpstreamFailure('timeout', `${program} is silent`)
  if (breach !== undefined) return new UpstreamFailure('failed', `${program} used more than it may: ${breach}`)
  if (exitCode === 0) return undefined
  return new UpstreamFailure('failed', `${program} ended with ${exitCode ?? 'a signal'}: ${said.trim()}`)
}

/**
 * The lines that a program writes. Leaving the loop, a silence, too much of anything, or an aborted signal ends it with all
 * that it has started; so does its own end.
 * @throws UpstreamFailure failed, timeout or cancelled; with the end of what it said on its error output
 */
export async function* programLines(call: ProgramCall): AsyncGenerator<string, void, void> {
  const child = await start(call)
  const lines = createInterface({ input: child.stdout, crlfDelay: Infinity })
  // A stream that was destroyed would leave the loop below waiting.
  void child.ended.then(() => lines.close())
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
  try {
    expect(call.firstLineMs)
    for await (const line of lines) {
      expect(call.idleMs)
      yield line
    }
    const failure = failureOf(await child.ended, call, errors)
    if (failure !== undefined) throw failure
  } finally {
    clearTimeout(timer)
    await child.kill()
  }
}
