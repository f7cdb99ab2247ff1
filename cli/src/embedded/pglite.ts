/** PostgreSQL without an installation: PGlite (PostgreSQL compiled to WebAssembly, pgvector included) on a Unix socket. */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import { lockDirectory, type DirectoryLock } from './directory-lock.ts'
import type { PgliteOrder, PgliteReport, PgliteWork } from './pglite-worker.ts'
import { chooseSocketDirectory, socketName } from './socket-directory.ts'

export interface PgliteOptions {
  /** Where the data lie, created when absent. Undefined: in memory, gone after `stop`. */
  dataDir?: string | undefined
  /** Clients at a time, over all pools together; default 32. */
  maxConnections?: number
  /** A client that leaves its transaction open longer is cut off, since all others wait for it; default 60000. */
  idleInTransactionTimeoutMs?: number
  /** Called once if the database breaks after it was ready; clients then get connection errors. */
  onFailure?: (error: Error) => void
}

export interface PgliteServer {
  /** For npm `pg` and everything that stands on it. */
  url: string
  /** Closes all connections, writes everything out and ends the thread. May be called more than once. */
  stop(): Promise<void>
}

/** Longer than a checkpoint takes; after it the thread is ended as `kill -9` would, which the data survive. */
const stopLimitMs = 20_000

/**
 * Starts an embedded PostgreSQL in a thread of its own (about 0.5 s; the first time 3 s).
 *
 * All clients share one session: use unnamed prepared statements; session-level `SET`, advisory locks and `LISTEN` are not
 * kept apart, `SET LOCAL` in a transaction is. One transaction runs at a time: whoever, inside one, waits for a second
 * connection waits for ever (until `idleInTransactionTimeoutMs`). The only database is `postgres`. `COPY FROM STDIN` is
 * not supported: it ends the thread. Nothing is synced to disk: data survive a killed process, not a lost machine.
 *
 * @throws Error when a live process holds `dataDir`, or the data cannot be read
 */
export async function startPglite(options: PgliteOptions = {}): Promise<PgliteServer> {
  const dataDir = options.dataDir === undefined ? undefined : resolve(options.dataDir)
  if (dataDir !== undefined) mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const lock = dataDir === undefined ? undefined : lockDirectory(dataDir)
  try {
    return await serve(dataDir, lock, options)
  } catch (error) {
    lock?.release()
    throw error
  }
}

async function serve(
  dataDir: string | undefined,
  lock: DirectoryLock | undefined,
  options: PgliteOptions,
): Promise<PgliteServer> {
  const pgDataDir = dataDir === undefined ? undefined : await ensureDatabase(dataDir)
  const { directory, temporary } = chooseSocketDirectory(dataDir)
  const socketPath = join(directory, socketName)
  await removeStaleSocket(socketPath)

  const worker = startWorker({
    pgDataDir,
    socketPath,
    maxConnections: options.maxConnections ?? 32,
    idleInTransactionTimeoutMs: options.idleInTransactionTimeoutMs ?? 60_000,
  })
  const ended = endOf(worker)
  const cleanUp = (): void => {
    rmSync(temporary ? directory : socketPath, { recursive: true, force: true })
    lock?.release()
  }
  try {
    await Promise.race([readiness(worker), ended.then(failUnexpectedly)])
  } catch (error) {
    cleanUp()
    throw error
  }

  let stopping: Promise<void> | undefined
  void ended.then(failUnexpectedly).catch((error: Error) => {
    if (stopping) return
    cleanUp()
    options.onFailure?.(error)
  })
  const stop = async (): Promise<void> => {
    worker.postMessage({ kind: 'stop' } satisfies PgliteOrder)
    const limit = setTimeout(() => void worker.terminate(), stopLimitMs)
    await ended
    clearTimeout(limit)
    cleanUp()
  }
  return {
    // The port is named because `pg` would otherwise take PGPORT for the socket's name.
    url: `postgres://postgres@localhost:5432/postgres?host=${encodeURIComponent(directory)}&pgbouncer=true`,
    stop: () => (stopping ??= stop()),
  }
}

/**
 * Creates the database under another name first: a start that is killed half-way leaves nothing that looks whole. In a
 * process of its own, because creating takes memory (130 MB) that a thread does not give back when it ends.
 */
async function ensureDatabase(dataDir: string): Promise<string> {
  const pgDataDir = join(dataDir, 'pgdata')
  if (existsSync(pgDataDir)) return pgDataDir
  const unfinished = 'pgdata.new-'
  for (const name of readdirSync(dataDir)) {
    if (name.startsWith(unfinished)) rmSync(join(dataDir, name), { recursive: true, force: true })
  }
  const newDir = mkdtempSync(join(dataDir, unfinished))
  await promisify(execFile)(process.execPath, [
    fileURLToPath(new URL('./pglite-initialise.ts', import.meta.url)),
    newDir,
  ])
  renameSync(newDir, pgDataDir)
  return pgDataDir
}

function startWorker(work: PgliteWork): Worker {
  return new Worker(new URL('./pglite-worker.ts', import.meta.url), { workerData: work, name: 'pglite' })
}

function readiness(worker: Worker): Promise<PgliteReport> {
  return new Promise((resolve) => worker.once('message', resolve))
}

/** Resolves when the thread has ended, with what ended it unless that was in order. */
function endOf(worker: Worker): Promise<Error | undefined> {
  return new Promise((resolve) => {
    let failure: Error | undefined
    worker.once('error', (error) => {
      failure = error instanceof Error ? error : new Error(String(error))
    })
    worker.once('exit', (code) => {
      resolve(failure ?? (code === 0 ? undefined : new Error(`the embedded PostgreSQL ended with code ${code}`)))
    })
  })
}

function failUnexpectedly(error: Error | undefined): never {
  throw error ?? new Error('the embedded PostgreSQL ended unexpectedly')
}

/** A killed process leaves its socket file, and binding to it would fail. One that still answers is not ours to remove. */
async function removeStaleSocket(socketPath: string): Promise<void> {
  if (!existsSync(socketPath)) return
  if (await answers(socketPath)) throw new Error(`${socketPath} is in use by another process`)
  rmSync(socketPath, { force: true })
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
