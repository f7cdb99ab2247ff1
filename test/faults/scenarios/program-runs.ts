/** Programs that stand in for a provider, ended in every way: what is left of them and of what they have started. */
import { readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { UpstreamFailure } from '../../../services/providers/src/chat/protocols/failure.ts'
import { programLines } from '../../../services/providers/src/programs/program.ts'
import { eventually } from '../../support/eventually.ts'

const atOnce = 8
const limitBytes = 100_000

const readOf = (pid: string, file: 'stat' | 'cmdline'): string => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1')
  } catch {
    return ''
  }
}
const pids = (): string[] => readdirSync('/proc').filter((name) => /^\d+$/.test(name))

/** Processes that this one started, those that have ended and that nobody has waited for among them. */
const children = (): string[] =>
  pids().flatMap((pid) => {
    const stat = readOf(pid, 'stat')
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return Number(parent) === process.pid
      ? [`${pid} ${stat.slice(stat.indexOf('('), stat.indexOf(')') + 1)} ${state}`]
      : []
  })

interface Way {
  /** Each has a child of its own, `sleep <marker>`, that would go on. */
  script: (marker: string) => string
  /** Whether it comes to a good end, or is left in the middle. */
  isFine: boolean
  /** How long it may say nothing at first. */
  firstLineMs?: number
}

const ways: Record<string, Way> = {
  'is left in the middle': { script: (marker) => `sleep ${marker} & echo one; echo two; wait`, isFine: true },
  'ends by itself': { script: (marker) => `sleep ${marker} & echo one`, isFine: true },
  fails: { script: (marker) => `sleep ${marker} & echo one; exit 3`, isFine: false },
  floods: { script: (marker) => `sleep ${marker} & while :; do echo 0123456789; done`, isFine: false },
  hangs: { script: (marker) => `sleep ${marker} & wait`, isFine: false, firstLineMs: 300 },
  'ignores SIGTERM': {
    script: (marker) => `trap '' TERM HUP INT; echo two; while :; do sleep ${marker}; done`,
    isFine: true,
  },
}

interface LeftBehind {
  /** Children of this process, zombies among them. */
  children: string[]
  /** Ways whose end was another than it had to be. */
  odd: string[]
}

/** Runs programs so many times, one way after the other. @throws Error while anything that they started lives on */
export const programRuns = async (runs: number): Promise<LeftBehind> => {
  const before = children()
  const marker = `86${process.pid}`
  const odd: string[] = []
  const run = async (at: number): Promise<void> => {
    const [name, { script, isFine, firstLineMs = 60_000 }] = Object.entries(ways)[at % Object.keys(ways).length]!
    const lines = programLines({
      ...{ program: '/bin/sh', args: ['-c', script(marker)], cwd: tmpdir(), input: '' },
      ...{ firstLineMs, idleMs: 60_000, limitBytes },
    })
    const went = await (async () => {
      for await (const line of lines) if (line === 'two') break
      return true
    })().catch((thrown: unknown) => {
      if (thrown instanceof UpstreamFailure) return false
      throw thrown
    })
    if (went !== isFine) odd.push(name)
  }
  for (let from = 0; from < runs; from += atOnce)
    await Promise.all(Array.from({ length: Math.min(atOnce, runs - from) }, (_, at) => run(from + at)))
  await eventually(
    'all are gone',
    async () => !pids().some((pid) => readOf(pid, 'cmdline').includes(`sleep\0${marker}`)),
  )
  return { children: children().filter((child) => !before.includes(child)), odd }
}
