import { watchCache } from '../src/cache/metrics.ts'
import { metricsRegistry } from '../src/lifecycle/probes.ts'

const shown = async () =>
  (await metricsRegistry.metrics()).split('\n').filter((line) => /^clawmesh_cache_.*"sample"/.test(line))

it('adds up the caches of a kind, for as long as they are watched', async () => {
  const cacheOf = (size: number, hits: number, misses: number) => ({ stats: () => ({ size, hits, misses }) })
  const leave = watchCache('sample', cacheOf(1, 10, 100))
  watchCache('sample', cacheOf(2, 20, 200))
  const all = ['hits_total{kind="sample"} 30', 'misses_total{kind="sample"} 300', 'entries{kind="sample"} 3']
  expect(await shown()).toEqual(all.map((line) => `clawmesh_cache_${line}`))
  leave()
  expect(await shown()).toContain('clawmesh_cache_hits_total{kind="sample"} 20')
})
