/** What a child process has started in turn, as Linux tells it; elsewhere nothing is known of it. */
import { readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'

interface ProcessFacts {
  pid: number
  parent: number
  session: number
  /** Resident memory in pages. */
  pages: number
}

export interface TreeUse {
  processes: number
  memoryBytes: number
  /** Written to disk by those that still run and by those that they have waited for. */
  writtenBytes: number
}

const pageBytes = 4096

/** Name of the variable by which children are known that left both group and parent. */
export const treeMark = 'CLAWMESH_CHILD'

/** `pid (name) state ppid pgrp session ...`: the name may hold anything, so what follows its last bracket counts. */
const factsOf = (pid: number): ProcessFacts | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { pid, parent: Number(fields[1]), session: Number(fields[3]), pages: Number(fields[21]) }
  } catch {
    return undefined
  }
}

/** Every process of the machine. */
export const allProcesses = (): readonly ProcessFacts[] => {
  try {
    return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (factsOf(Number(name)) ?? []) : []))
  } catch {
    return []
  }
}

/** A child that leads a session, everything in that session, and everything that descends from either. */
const treeOf = (root: number, all: readonly ProcessFacts[]): ProcessFacts[] => {
  const byParent = Map.groupBy(all, ({ parent }) => parent)
  const found = new Map<number, ProcessFacts>()
  const pending = all.filter(({ pid, session }) => pid === root || session === root)
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (found.has(next.pid)) continue
    found.set(next.pid, next)
    pending.push(...(byParent.get(next.pid) ?? []))
  }
  return [...found.values()]
}

const writtenBy = async (pid: number): Promise<number> => {
  const text = await readFile(`/proc/${pid}/io`, 'latin1').catch(() => '')
  return Number(/^write_bytes: (\d+)$/m.exec(text)?.[1] ?? 0)
}

/** What a child and its descendants use, of these processes. */
export const treeUse = async (root: number, all: readonly ProcessFacts[]): Promise<TreeUse> => {
  const tree = treeOf(root, all)
  const written = await Promise.all(tree.map(({ pid }) => writtenBy(pid)))
  return {
    processes: tree.length,
    memoryBytes: tree.reduce((sum, { pages }) => sum + pages * pageBytes, 0),
    writtenBytes: written.reduce((sum, bytes) => sum + bytes, 0),
  }
}

const bearsMark = (pid: number, mark: string): boolean => {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`${treeMark}=${mark}`)
  } catch {
    return false
  }
}

const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name)
  } catch {
    // It had just ended.
  }
}

/** Ends what is left of a child's process group. */
export const killGroup = (root: number): void => signal(-root, 'SIGKILL')

const mostSweeps = 5

/**
 * Ends a child's process group, its descendants, and those that were set loose and bear its mark. They are stopped
 * first, so that none can start another while the rest are looked for.
 */
export const killTree = (root: number, mark: string): void => {
  killGroup(root)
  const seen = new Set<number>()
  for (let sweep = 0; sweep < mostSweeps; sweep++) {
    const all = allProcesses()
    const marked = all.filter(({ pid }) => pid !== process.pid && bearsMark(pid, mark))
    const fresh = [...treeOf(root, all), ...marked].filter(({ pid }) => !seen.has(pid))
    if (fresh.length === 0) break
    for (const { pid } of fresh) {
      seen.add(pid)
      signal(pid, 'SIGSTOP')
    }
  }
  for (const pid of seen) signal(pid, 'SIGKILL')
}
