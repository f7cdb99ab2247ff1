/** One live process a data directory: a lock file that outlives a `kill -9` without locking anybody out. */
import { randomUUID } from 'node:crypto'
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface DirectoryLock {
  release(): void
}

interface Holder {
  pid: number
  /** Tells a process from a later one with the same id; empty where the system does not say. */
  startedAt: string
}

const fileName = 'clawmesh.lock'

/**
 * Takes the directory for this process until `release`. A lock whose holder is dead is taken over.
 *
 * @throws Error naming the holder's process id while that one lives
 */
export function lockDirectory(directory: string): DirectoryLock {
  const lockFile = join(directory, fileName)
  const ownText = JSON.stringify({ pid: process.pid, startedAt: startOf(process.pid), token: randomUUID() })
  const ownFile = `${lockFile}.${randomUUID()}`
  writeFileSync(ownFile, ownText, { mode: 0o600 })
  try {
    // Creating the lock by a link of a finished file: nobody ever reads a half-written one.
    while (!linkIfAbsent(ownFile, lockFile)) removeIfStale(directory, lockFile)
  } finally {
    rmSync(ownFile, { force: true })
  }
  return {
    release() {
      if (readIfPresent(lockFile) === ownText) rmSync(lockFile, { force: true })
    },
  }
}

function removeIfStale(directory: string, lockFile: string): void {
  const text = readIfPresent(lockFile)
  if (text === undefined) return
  const holder = parseHolder(text)
  if (holder && isAlive(holder)) {
    const message = `${directory} is in use by process ${holder.pid}; stop that one first or choose another directory`
    throw Object.assign(new Error(message), { code: 'ELOCKED' })
  }
  // Moved aside before it is deleted: of two processes that found the same stale lock only one can move it, and one that
  // moved a fresh lock by mistake notices and gives it back.
  const aside = `${lockFile}.${randomUUID()}`
  if (!renameIfPresent(lockFile, aside)) return
  if (readIfPresent(aside) !== text) linkIfAbsent(aside, lockFile)
  rmSync(aside, { force: true })
}

function isAlive({ pid, startedAt }: Holder): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (codeOf(error) !== 'EPERM') return false
  }
  const now = startOf(pid)
  return now === '' || startedAt === '' || now === startedAt
}

/** Linux only: boot id and start time in clock ticks, field 22 of /proc/<pid>/stat (proc(5)). */
function startOf(pid: number): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command's name in field 2 may hold spaces and brackets, so count from its end.
    return `${boot}:${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''}`
  } catch {
    return ''
  }
}

function parseHolder(text: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return undefined
    const { pid, startedAt } = value as Partial<Record<keyof Holder, unknown>>
    return typeof pid === 'number' && typeof startedAt === 'string' ? { pid, startedAt } : undefined
  } catch {
    return undefined
  }
}

function linkIfAbsent(from: string, to: string): boolean {
  return unlessCode('EEXIST', () => linkSync(from, to))
}

function renameIfPresent(from: string, to: string): boolean {
  return unlessCode('ENOENT', () => renameSync(from, to))
}

function readIfPresent(file: string): string | undefined {
  let text: string | undefined
  unlessCode('ENOENT', () => void (text = readFileSync(file, 'utf8')))
  return text
}

/** Whether the action went through; `false` when it failed with exactly that code. */
function unlessCode(code: string, action: () => void): boolean {
  try {
    action()
    return true
  } catch (error) {
    if (codeOf(error) === code) return false
    throw error
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code
}
