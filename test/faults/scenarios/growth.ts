/** How much memory processes take while something is done. */
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Mesh } from '../../support/mesh-processes.ts'

const rssOf = async (pid: number): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) * 1024
}

/** By how much each process of a mesh grew at most while something was done, in bytes. */
export const growthOf = async <T>(mesh: Pick<Mesh, 'names' | 'pid'>, work: () => Promise<T>) => {
  const before = new Map<string, number>()
  for (const name of mesh.names) before.set(name, await rssOf(mesh.pid(name)))
  const growth = new Map<string, number>()
  let isDone = false
  const watch = async () => {
    while (!isDone) {
      for (const [name, rss] of before)
        growth.set(name, Math.max(growth.get(name) ?? 0, (await rssOf(mesh.pid(name))) - rss))
      await sleep(50)
    }
  }
  const watching = watch()
  const result = await work().finally(() => (isDone = true))
  await watching
  return { result, growth }
}

export const inMiB = (growth: ReadonlyMap<string, number>): Record<string, string> =>
  Object.fromEntries([...growth].map(([name, bytes]) => [name, `${(bytes / 1_048_576).toFixed(0)} MiB`]))
