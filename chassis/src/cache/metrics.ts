/** What the caches of this process are worth, for Prometheus. */
import { Counter, Gauge } from 'prom-client'
import { metricsRegistry } from '../lifecycle/probes.ts'
import type { Cache } from './cache.ts'

type Watched = Pick<Cache<never>, 'stats'>

const watched = new Map<Watched, string>()

const metric = (Kind: typeof Counter | typeof Gauge, name: string, help: string, field: 'hits' | 'misses' | 'size') =>
  new Kind({
    name: `clawmesh_cache_${name}`,
    help,
    labelNames: ['kind'],
    registers: [metricsRegistry],
    collect() {
      this.reset()
      for (const [cache, kind] of watched) this.inc({ kind }, cache.stats()[field])
    },
  })
metric(Counter, 'hits_total', 'Lookups that a cache answered', 'hits')
metric(Counter, 'misses_total', 'Lookups that a cache could not answer', 'misses')
metric(Gauge, 'entries', 'Entries of a cache, remembered misses included', 'size')

/** Counts a cache among those of its kind, until the returned function is called. */
export const watchCache = (kind: string, cache: Watched): (() => void) => {
  watched.set(cache, kind)
  return () => void watched.delete(cache)
}
