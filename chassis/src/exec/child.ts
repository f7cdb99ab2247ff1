/** The only place that starts programs for the services: argument vectors, a clean environment, and bounds on everything. */
import { spawn, type ChildProcessWithoutNullStreams, type StdioOptions } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import type { Readable, Writable } from 'node:stream'
import { childEnvironment } from './environment.ts'
import { findProgram } from './find-program.ts'
import { boundProcesses } from './process-bound.ts'
import { killGroup, killTree, treeMark, type TreeUse } from './process-tree.ts'
import { watchTree } from './watch.ts'

export interface ChildLimits {
  /** Of all processes of the child's tree together. */
  memoryBytes: number
  processes: number
  /** What the tree may write to disk. */
  writtenBytes: number
  /** Of standard output and of standard error, each; what is beyond ends the child. */
  outputBytes: number
  /** From start to end; 0 for one that lives on. */
  timeoutMs: number
}

export interface ChildProgram {
  /** Absolute path, or a name to be looked for in PATH. Never a shell's text. */
  command: string
  args: readonly string[]
  /** Absolute. */
  cwd: string
  /** Beside the few variables that every child gets; wins over them. */
  env?: Readonly<Record<string, string>> | undefined
  limits?: Partial<ChildLimits> | undefined
  /** What it may read from descriptor 3. Arguments stand in a list that all of the machine can read, this does not. */
  given?: string | undefined
  /** Whether the kernel ends with it whatever it has started, so that nobody needs to look for that. */
  isContained?: boolean | undefined
  /** Ends the child when it fires. */
  signal?: AbortSignal | undefined
}

/** Why a child was ended by us. */
export type ChildBreach = keyof TreeUse | 'outputBytes' | 'timeout' | 'cancelled' | 'closed'

export interface ChildEnd {
  /** Undefined where a signal ended it. */
  exitCode: number | undefined
  /** Set where we ended it. */
  breach: ChildBreach | undefined
}

export interface Child {
  readonly pid: number
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  /** Fulfilled once the child has ended and nothing of its tree is left. Never rejects. */
  readonly ended: Promise<ChildEnd>
  /** Ends the child with everything it has started. */
  readonly kill: () => Promise<ChildEnd>
}

const MiB = 1024 * 1024

export const defaultLimits: ChildLimits = {
  memoryBytes: 512 * MiB,
  processes: 128,
  writtenBytes: 1024 * MiB,
  outputBytes: MiB,
  timeoutMs: 60_000,
}

const spareProcesses = 16

const overrun = (use: TreeUse, limits: ChildLimits): keyof TreeUse | undefined =>
  (['processes', 'memoryBytes', 'writtenBytes'] as const).find((resource) => use[resource] > limits[resource])

/**
 * Starts a program in a session and process group of its own and watches over it: whatever ends it, its whole tree ends.
 * Output is counted as it is read; who reads nothing stops the child at the pipe's end.
 * @throws a system error when it cannot be started: ENOENT, EACCES
 */
export const startChild = async (program: ChildProgram): Promise<Child> => {
  const { command, args, cwd, signal } = program
  const limits = { ...defaultLimits, ...program.limits }
  signal?.throwIfAborted()
  const mark = randomUUID()
  const env: Record<string, string> = { ...childEnvironment(program.env), [treeMark]: mark }
  const path = await findProgram(command, env['PATH'])
  // Some more than the limit, so that the watch sees it met and ends the child.
  const bound = await boundProcesses(limits.processes + spareProcesses)
  const [start, ...startArgs]: [string, ...string[]] = bound
    ? ['/bin/sh', '-c', 'echo $$ > "$0" && exec "$@"', bound.enter, path, ...args]
    : [path, ...args]
  const { given } = program
  const stdio: StdioOptions = given === undefined ? 'pipe' : ['pipe', 'pipe', 'pipe', 'pipe']
  const child = spawn(start, startArgs, { cwd, env, detached: true, stdio }) as ChildProcessWithoutNullStreams
  // A child that goes without reading its input is no failure of ours.
  child.stdin.on('error', () => {})
  const gift = child.stdio[3] as Writable | undefined
  gift?.on('error', () => {})
  gift?.end(given)
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', reject)
  }).catch(async (thrown: unknown) => {
    await bound?.remove()
    throw thrown
  })
  child.on('error', () => {})
  const pid = child.pid!

  let breach: ChildBreach | undefined
  const end = (reason: ChildBreach): void => {
    breach ??= reason
    killTree(pid, mark)
    // What left its group, its parent and its mark may hold the pipes open for ever.
    child.stdout.destroy()
    child.stderr.destroy()
  }

  for (const stream of [child.stdout, child.stderr]) {
    let bytes = 0
    const push = stream.push.bind(stream)
    // Counted where the bytes come in, so that counting does not set the stream flowing.
    stream.push = (chunk: Uint8Array | null, ...rest) => {
      bytes += chunk?.length ?? 0
      if (bytes > limits.outputBytes) {
        end('outputBytes')
        return false
      }
      return push(chunk, ...rest)
    }
  }

  const timer = limits.timeoutMs > 0 ? setTimeout(() => end('timeout'), limits.timeoutMs) : undefined
  const endWatch = watchTree(pid, (use) => {
    const reason = overrun(use, limits)
    if (reason !== undefined) end(reason)
  })
  const cancel = (): void => end('cancelled')
  if (signal?.aborted) cancel()
  signal?.addEventListener('abort', cancel, { once: true })

  const ended = new Promise<ChildEnd>((resolve) => {
    // What the child left behind goes with it, before anybody waits for its pipes to close.
    child.once('exit', () => (program.isContained ? killGroup(pid) : killTree(pid, mark)))
    child.once('close', (exitCode) => {
      clearTimeout(timer)
      endWatch()
      signal?.removeEventListener('abort', cancel)
      void bound?.remove()
      resolve({ exitCode: exitCode ?? undefined, breach })
    })
  })
  return {
    pid,
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    ended,
    kill: () => {
      end('closed')
      return ended
    },
  }
}

export interface ChildOutput extends ChildEnd {
  stdout: string
  stderr: string
}

const textOf = (stream: Readable): (() => string) => {
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  return () => Buffer.concat(chunks).toString('utf8')
}

/**
 * Runs a program to its end and keeps what it says, up to the limit.
 * @param input what it reads from its standard input
 * @throws a system error when it cannot be started
 */
export const runChild = async (program: ChildProgram, input = ''): Promise<ChildOutput> => {
  const child = await startChild(program)
  const [stdout, stderr] = [textOf(child.stdout), textOf(child.stderr)]
  child.stdin.end(input)
  const end = await child.ended
  return { ...end, stdout: stdout(), stderr: stderr() }
}
