/** What the kernel says of processes (Linux). */
import { readdirSync, readFileSync } from 'node:fs'

const ticksPerSecond = 100

/** Fields of /proc/<pid>/stat after the name, which may hold spaces. */
const statOf = (pid: number): string[] => {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}

/** CPU time that a process has used, milliseconds. */
export const cpuMs = (pid: number): number => {
  const fields = statOf(pid)
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond
}

/** Resident memory, MB. */
export const rssMb = (pid: number): number =>
  Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024)

/** A process and all below it. */
export const family = (root: number): number[] => {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        return [[Number(name), Number(statOf(Number(name))[1])] as const]
      } catch {
        return []
      }
    })
  const found = [root]
  for (const pid of found) found.push(...parents.filter(([, parent]) => parent === pid).map(([child]) => child))
  return found
}

/** CPU time of all processes below one, itself included, added up by the program's name; some left out. */
export const cpuMsByProgram = (root: number, leaveOut: ReadonlySet<number>): Record<string, number> => {
  const sums: Record<string, number> = {}
  for (const pid of family(root).filter((one) => !leaveOut.has(one))) {
    try {
      const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
      sums[name] = (sums[name] ?? 0) + cpuMs(pid)
    } catch {
      // It has ended meanwhile.
    }
  }
  return sums
}
