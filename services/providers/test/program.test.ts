/** Programs that stand in for a provider leave nothing behind, however they end. */
import { readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { eventually } from '../../../test/support/eventually.ts'
import { programLines } from '../src/programs/program.ts'

/** Processes that this one started, those that have ended and that nobody has waited for among them. */
const children = (): string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
        const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
        return parent === process.pid ? [`${pid} ${stat.slice(stat.indexOf('('), stat.lastIndexOf(')') + 3)}`] : []
      } catch {
        return []
      }
    })
const sleepers = (name: string): number =>
  readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(name)
    } catch {
      return false
    }
  }).length

/** Each has a child of its own that would go on; one of three is left in the middle, one ends by itself, one fails. */
const scripts = (marker: string) => [
  `sleep ${marker} & echo one; echo two; wait`,
  `sleep ${marker} & echo one`,
  `sleep ${marker} & echo one; exit 3`,
]

/** Seen with 200 as well; starting them is what takes long. */
const runs = 24

it('leaves no process and no zombie, however often they run', async () => {
  const before = children()
  const marker = `86${process.pid}`
  const run = async (at: number): Promise<void> => {
    const lines = programLines({
      ...{ program: '/bin/sh', args: ['-c', scripts(marker)[at % 3]!], cwd: tmpdir(), input: '' },
      ...{ firstLineMs: 20_000, idleMs: 20_000, limitBytes: 1_000 },
    })
    try {
      for await (const line of lines) if (line === 'two') break
      expect(at % 3).not.toBe(2)
    } catch {
      expect(at % 3).toBe(2)
    }
  }
  for (let round = 0; round < runs / 8; round++)
    await Promise.all(Array.from({ length: 8 }, (_, at) => run(round * 8 + at)))
  await eventually('all are gone', async () => sleepers(`sleep\0${marker}`) === 0)
  expect(children().filter((child) => !before.includes(child))).toEqual([])
})
