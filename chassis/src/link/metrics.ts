/** What goes over the links of this process, for Prometheus. */
import { Counter, Gauge } from 'prom-client'
import { metricsRegistry } from '../lifecycle/probes.ts'
import type { LinkPool } from './pool.ts'

const watched = new Map<LinkPool, string>()
/** Ends of calls by method and status. */
const calls = new Map<string, Map<number, number>>()

/** Counts the end of a call that this process has made. */
export const countCall = (method: string, code: number): void => {
  let ends = calls.get(method)
  if (ends === undefined) {
    ends = new Map<number, number>()
    calls.set(method, ends)
  }
  ends.set(code, (ends.get(code) ?? 0) + 1)
}

/** Calls that this process has begun to answer, by method. */
const served = new Map<string, number>()

/** Counts a call that this process answers; methods are those that it serves, so there are few. */
export const countServed = (method: string): void => void served.set(method, (served.get(method) ?? 0) + 1)

const registers = [metricsRegistry]

new Counter({
  name: 'clawmesh_link_calls_total',
  help: 'Calls made over links, by method and gRPC status',
  labelNames: ['method', 'code'],
  registers,
  collect() {
    this.reset()
    for (const [method, ends] of calls) for (const [code, count] of ends) this.inc({ method, code }, count)
  },
})
new Counter({
  name: 'clawmesh_link_served_total',
  help: 'Calls that came over links and were answered here, by method; http/... are requests from the edge',
  labelNames: ['method'],
  registers,
  collect() {
    this.reset()
    for (const [method, count] of served) this.inc({ method }, count)
  },
})
new Gauge({
  name: 'clawmesh_links',
  help: 'Links to the replicas of a service',
  labelNames: ['service', 'state'],
  registers,
  collect() {
    this.reset()
    for (const [pool, service] of watched) for (const { state } of pool.links()) this.inc({ service, state })
  },
})
new Gauge({
  name: 'clawmesh_link_open_calls',
  help: 'Calls under way to a service',
  labelNames: ['service'],
  registers,
  collect() {
    this.reset()
    for (const [pool, service] of watched) for (const link of pool.links()) this.inc({ service }, link.calls)
  },
})
new Counter({
  name: 'clawmesh_link_bytes_total',
  help: 'Bytes over the links to a service',
  labelNames: ['service', 'direction'],
  registers,
  collect() {
    this.reset()
    for (const [pool, service] of watched)
      for (const [direction, bytes] of Object.entries(pool.traffic())) this.inc({ service, direction }, bytes)
  },
})

/** Shows a pool as that of a service, until the returned function is called. */
export const watchPool = (service: string, pool: LinkPool): (() => void) => {
  watched.set(pool, service)
  return () => void watched.delete(pool)
}
