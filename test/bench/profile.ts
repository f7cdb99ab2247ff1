/** The functions that take the most CPU time themselves, out of a V8 .cpuprofile. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

interface CpuProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[]
  samples: number[]
  timeDeltas: number[]
}

const place = (url: string): string =>
  url
    .replace(/^.*node_modules\/(?:\.pnpm\/[^/]+\/node_modules\/)?/, '')
    .replace(/^.*\/(?=(contracts|chassis|gateway|services|cli)\/)/, '')

/** The top functions of the newest profile in a folder, with their share of the time that was not idle. */
export const topFunctions = (folder: string, count = 10): { share: number; name: string }[] => {
  const file = readdirSync(folder)
    .filter((name) => name.endsWith('.cpuprofile'))
    .sort()
    .at(-1)
  if (file === undefined) return []
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as CpuProfile
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]))
  const self = new Map<string, number>()
  samples.forEach((id, index) => {
    const { functionName, url, lineNumber } = frames.get(id)!
    if (functionName === '(idle)') return
    const name = `${functionName || '(anonymous)'} ${url === '' ? '' : `${place(url)}:${lineNumber + 1}`}`.trim()
    self.set(name, (self.get(name) ?? 0) + (timeDeltas[index] ?? 0))
  })
  const total = [...self.values()].reduce((sum, time) => sum + time, 0)
  return [...self]
    .sort((a, b) => b[1] - a[1])
    .slice(0, count)
    .map(([name, time]) => ({ name, share: time / total }))
}
