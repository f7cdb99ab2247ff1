/** The functions that take the most CPU time themselves, out of a V8 .cpuprofile. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
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

const read = (file: string): CpuProfile => JSON.parse(readFileSync(file, 'utf8')) as CpuProfile
/** Time that a profile covers and that was not idle: workers and children write profiles of their own, small ones. */
const busy = ({ nodes, samples, timeDeltas }: CpuProfile): number => {
  const idle = new Set(nodes.filter(({ callFrame }) => callFrame.functionName === '(idle)').map(({ id }) => id))
  return samples.reduce((sum, id, index) => (idle.has(id) ? sum : sum + (timeDeltas[index] ?? 0)), 0)
}

/** The functions of the busiest process that wrote a profile there, with their share of the time that was not idle. */
export const topFunctions = (folder: string, count = 10): { share: number; name: string }[] => {
  if (!existsSync(folder)) return []
  const [profile] = readdirSync(folder)
    .filter((name) => name.endsWith('.cpuprofile'))
    .map((name) => read(join(folder, name)))
    .sort((a, b) => busy(b) - busy(a))
  if (profile === undefined) return []
  const { nodes, samples, timeDeltas } = profile
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
